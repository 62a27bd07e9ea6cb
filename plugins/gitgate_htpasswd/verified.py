"""Passwords that were verified a short while ago, so that the next request with one does not wait for the hash again.

git sends the password with each of the two or three requests of a fetch, and bcrypt is slow by design.
"""

import hashlib
import hmac
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

from gitgate_htpasswd.hashes import Hash

#: Each takes about 200 bytes.
_MOST: Final = 10_000


class VerifiedPasswords:
    """Remembers for a while which password fits which hash; nothing of one that does not fit. Safe among threads.

    What is kept is an HMAC of both, under a key that is made anew for each process: it fits no other hash, so a
    password ends with its line in the file. Somebody who reads the memory of this process can guess at it faster than
    at the hash, which is why it is not kept for long.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Each is remembered for `seconds`; 0 for not at all."""
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._known: TTLCache[bytes, None] = TTLCache(_MOST, seconds, timer=clock)

    def knows(self, password: bytes, hash_: Hash) -> bool:
        """The password has this hash, and was seen to have it a short while ago."""
        with self._lock:
            return self._mark(password, hash_) in self._known

    def fits(self, password: bytes, hash_: Hash) -> bool:
        """The password has this hash: from memory, or by hashing it."""
        if self.knows(password, hash_):
            return True
        if not hash_.fits(password):
            return False
        with self._lock:
            self._known[self._mark(password, hash_)] = None
        return True

    def _mark(self, password: bytes, hash_: Hash) -> bytes:
        return hmac.digest(self._key, hash_.text.encode() + b"\0" + password, hashlib.sha256)
