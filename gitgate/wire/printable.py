"""Text from a client, made safe for a terminal or a log line."""

_LONGEST = 200


def printable(text: str | bytes, longest: int = _LONGEST) -> str:
    """`text` with control characters and undecodable bytes escaped, cut to `longest` characters.

    Escape sequences in a repository's name would otherwise reach the terminals of others (GHSA-fv2r-r8mp-pg48).
    """
    if isinstance(text, bytes):
        text = text[: 4 * longest].decode("utf-8", "backslashreplace")
    cut = text if len(text) <= longest else text[:longest] + "..."
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
