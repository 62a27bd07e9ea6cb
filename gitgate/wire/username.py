"""The only place that judges a user's name, as somebody typed it."""

import unicodedata
from typing import Final

from gitgate.wire.malformed import Malformed

_LONGEST: Final = 255


def parse_username(raw: bytes) -> str:
    """A user name that may be shown to plugins and in logs. Raises `Malformed`, over ssh and http alike."""
    try:
        username = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("the user name is not UTF-8") from None
    if not username:
        raise Malformed("the user name is empty")
    if len(username) > _LONGEST:
        raise Malformed(f"the user name is longer than {_LONGEST} characters")
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in username):
        raise Malformed("the user name holds a control character")
    return username
