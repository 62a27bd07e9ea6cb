"""Answers that may be used again."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import TLRUCache

from gitgate_webhook.reply import Decision, Reply
from gitgate_webhook.settings import Cache

#: What a remembered answer takes besides its texts, and how much more a text takes here than in a reply. Measured with
#: tracemalloc, rounded up.
_BYTES_FOR_ANSWER: Final = 2048
_BYTES_FOR_BYTE: Final = 6


@dataclass(frozen=True, slots=True)
class Remembered:
    """A reply, when it was given, until when it is good, and until when it may at all be remembered."""

    reply: Reply
    at: float
    good_until: float
    kept_until: float
    size: int


class Memory:
    """Replies by the question that they answer, bounded in time and in memory.

    A question may hold a password. It is kept as an HMAC with a key that this process has made and shows to nobody: a
    dump of the memory does not even let guessed passwords be tried.

    `stale_seconds` is for how long replies to `authorize` are kept for `last`, beyond what they are good for.
    """

    def __init__(self, cache: Cache, stale_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._entries: TLRUCache[bytes, Remembered] = TLRUCache(
            maxsize=cache.size,
            ttu=lambda key, entry, now: entry.kept_until,
            timer=clock,
            getsizeof=lambda entry: entry.size,
        )

    def key(self, question: bytes) -> bytes:
        """The name of a question in this memory."""
        return hmac.digest(self._key, question, "sha256")

    def good(self, key: bytes) -> Reply | None:
        """The reply to this question, if it may be used in place of asking."""
        entry = self._entries.get(key)
        return entry.reply if entry is not None and self._clock() < entry.good_until else None

    def last(self, key: bytes) -> tuple[Reply, float] | None:
        """The last reply to this question of `authorize`, and how many seconds old it is."""
        entry = self._entries.get(key)
        return (entry.reply, self._clock() - entry.at) if entry is not None and self._stale_seconds else None

    def keep(self, key: bytes, hook: str, reply: Reply, body_size: int) -> None:
        """Remember a reply for as long as it says, and no longer than the settings say; in place of one before it."""
        now = self._clock()
        most = self._cache.max_deny_ttl if reply.decision is Decision.DENY else self._cache.max_ttl
        good_until = now + min(reply.ttl or 0.0, most)
        stale_until = now + self._stale_seconds if hook == "authorize" else now
        size = _BYTES_FOR_ANSWER + _BYTES_FOR_BYTE * body_size
        self._entries.pop(key, None)
        if size <= self._entries.maxsize:
            self._entries[key] = Remembered(reply, now, good_until, max(good_until, stale_until), size)
