"""libpass, which verifies the older kinds of hashes: imported late, so that what is wrong with it can be told.

passlib 1.7.4 is the dead project that libpass continues under the same import name, `passlib`. pip installs one over
the other without a word, and removing either deletes files of both.
"""

import importlib
import re
from collections.abc import Callable
from typing import Any, Final

_OLDEST: Final = (1, 9)

#: The handlers that are used, each with a hash of its kind.
_HANDLERS: Final = {
    "apr_md5_crypt": "$apr1$salt$" + "." * 22,
    "des_crypt": "." * 13,
    "ldap_sha1": "{SHA}" + "A" * 27 + "=",
    "md5_crypt": "$1$salt$" + "." * 22,
    "sha256_crypt": "$5$rounds=1000$salt$" + "." * 43,
    "sha512_crypt": "$6$rounds=1000$salt$" + "." * 86,
}


class LibpassUnusable(Exception):
    """The package `passlib` that would be imported is not libpass. The message says what to do."""


def prepare() -> None:
    """Makes libpass ready for several threads. Raises LibpassUnusable where it is not there, or not whole."""
    try:
        found = f"version {importlib.import_module('passlib').__version__}"
        match = re.match(r"version (\d+)\.(\d+)", found)
        if match is not None and (int(match[1]), int(match[2])) >= _OLDEST:
            for name, text in _HANDLERS.items():
                # A handler loads its parts when it is first used, and without a lock: of several first logins at once,
                # some ended in "'Base64Engine' object has no attribute '_lazy_opts'".
                _handler(name).verify(b"password", text)
            return
    except (ImportError, AttributeError):
        found = "no whole copy of it"
    raise LibpassUnusable(
        f"the Python package 'passlib' must come from libpass 1.9 or newer, but there is {found}; "
        "run `pip uninstall passlib`, then `pip install --force-reinstall libpass`"
    )


def verifier(name: str) -> Callable[[bytes, str], bool]:
    """Verifies a password with the handler of this name in `passlib.hash`."""

    def verify(password: bytes, text: str) -> bool:
        return bool(_handler(name).verify(password, text))

    return verify


def _handler(name: str) -> Any:
    return getattr(importlib.import_module("passlib.hash"), name)
