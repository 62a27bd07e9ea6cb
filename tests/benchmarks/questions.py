"""What git's client asks with protocol 2 (gitprotocol-v2(5))."""

from typing import Final

FLUSH: Final = b"0000"
_DELIMITER: Final = b"0001"


def pkt(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return b"%04x%s" % (len(data) + 4, data)


def _command(name: str, *arguments: str) -> bytes:
    head = pkt(f"command={name}\n") + pkt("agent=git/2.39.5\n") + pkt("object-format=sha1\n") + _DELIMITER
    return head + b"".join(pkt(f"{argument}\n") for argument in arguments) + FLUSH


def clone_request(tip: str) -> bytes:
    """What `git clone` asks for."""
    return _command("fetch", "thin-pack", "no-progress", "ofs-delta", f"want {tip}", "done")


#: What `git fetch` and `git clone` ask first.
LS_REFS: Final = _command("ls-refs", "peel", "symrefs", "ref-prefix HEAD", "ref-prefix refs/heads/")
#: ... and `git ls-remote`.
LS_REMOTE: Final = _command("ls-refs", "peel", "symrefs")
