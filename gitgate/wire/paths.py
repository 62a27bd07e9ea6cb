"""The only place that judges a virtual path."""

import unicodedata

from gitgate.wire.malformed import Malformed

#: Linux's PATH_MAX, and the length of one name on its file systems.
LONGEST_PATH = 4096
LONGEST_SEGMENT = 255


def normalize_path(raw: bytes) -> str:
    """The virtual path that `raw` names: decoded, starting with "/", without a "/" at the end.

    `raw` comes as the transport's own unquoting left it: dequoted for ssh, percent-decoded once for http. Raises
    `Malformed` for whatever could mean something else to another reader of the same bytes: an empty, "." or ".."
    segment, a control character, bytes that are not UTF-8, or a "-" at the start. Normalising twice changes nothing.
    """
    if len(raw) > LONGEST_PATH:
        raise Malformed(f"the path is longer than {LONGEST_PATH} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("the path is not UTF-8") from None
    if not text.isprintable() and any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise Malformed("the path holds a control character")
    segments = text.removeprefix("/").removesuffix("/").split("/")
    if segments == [""]:
        raise Malformed("the path names no repository")
    if segments[0].startswith("-"):
        raise Malformed("the path starts with '-'")
    for segment in segments:
        if segment in ("", ".", ".."):
            raise Malformed(
                f"the path has {segment!r} between its slashes" if segment else "the path has an empty part"
            )
        if len(segment.encode()) > LONGEST_SEGMENT:
            raise Malformed(f"a part of the path is longer than {LONGEST_SEGMENT} bytes")
    return "/" + "/".join(segments)
