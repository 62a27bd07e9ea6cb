"""Text from elsewhere, for logs and terminals."""

from typing import Final

_CUT: Final = "..."


def printable(text: str, longest: int) -> str:
    """`text` on one line, with control characters escaped, cut to `longest` characters."""
    # Escapes make a text longer: what is cut off first need not be escaped.
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - len(_CUT)] + _CUT
