"""yescrypt, computed by the system's libcrypt: what Debian and Fedora put into /etc/shadow, and Apache verifies.

Python's `crypt` module is gone from 3.13, and `crypt()` itself is not safe for threads. `crypt_rn` is: it works in a
buffer that its caller brings, and ctypes releases the interpreter lock while it runs. Only libxcrypt has it; glibc's
old libcrypt, which has not, has no yescrypt either.
"""

import ctypes
import errno
import functools
import hmac
import os
from collections.abc import Callable
from typing import Final, TypeAlias

#: libxcrypt's names, with and without compatibility to glibc's. `ctypes.util.find_library` would start ldconfig or gcc,
#: and find nothing in an image that has neither.
_LIBRARIES: Final = ("libcrypt.so.1", "libcrypt.so.2")

#: sizeof(struct crypt_data) in <crypt.h>, part of libxcrypt's ABI.
_WORKSPACE_BYTES: Final = 32768

_CryptRn: TypeAlias = Callable[[bytes, bytes, object, int], bytes | None]


def is_available() -> bool:
    """This system can compute yescrypt."""
    known = b"$y$j75$k2XAnEHBqQ1Ct2aMXFKNa/$E9XAySfP6N2THWdzNKesSVmhpcmhNusa8y5TMfT668."
    crypt_rn = _crypt_rn()
    return crypt_rn is not None and _compute(crypt_rn, b"correct horse", known) == known


def verify(password: bytes, hash_text: str) -> bool:
    """The password has this hash. Raises OSError where there is not enough memory to tell."""
    crypt_rn = _crypt_rn()
    if crypt_rn is None:
        raise OSError(errno.ENOSYS, "the system's libcrypt has no crypt_rn")
    expected = hash_text.encode("ascii")
    computed = _compute(crypt_rn, password, expected)
    return computed is not None and hmac.compare_digest(computed, expected)


def _compute(crypt_rn: _CryptRn, password: bytes, setting: bytes) -> bytes | None:
    """The hash, or None for a password of more than libxcrypt's 512 bytes, or a malformed setting."""
    computed = crypt_rn(password, setting, ctypes.create_string_buffer(_WORKSPACE_BYTES), _WORKSPACE_BYTES)
    if computed is None and ctypes.get_errno() == errno.ENOMEM:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    return computed


@functools.cache
def _crypt_rn() -> _CryptRn | None:
    for name in _LIBRARIES:
        try:
            crypt_rn = ctypes.CDLL(name, use_errno=True).crypt_rn
        except (OSError, AttributeError):
            continue
        crypt_rn.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)
        crypt_rn.restype = ctypes.c_char_p
        found: _CryptRn = crypt_rn
        return found
    return None
