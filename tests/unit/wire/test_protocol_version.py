import pytest

from gitgate.wire.printable import printable
from gitgate.wire.protocol_version import parse_protocol_version


@pytest.mark.parametrize(
    ("parameters", "version"),
    [
        (None, 0),
        (b"", 0),
        (b"version=1", 1),
        (b"version=2", 2),
        (b"version=2:version=1", 2),
        (b"version=2:object-format=sha256", 2),
        (b"version=99", 0),
        (b"version=", 0),
        (b"version=2;$(id)", 0),
        (b"version=2:version=1;$(id)", 2),
        (b"version=2 ", 0),
        (b"version=2\n", 0),
        (b"k=v:" * 300, 0),
    ],
)
def test_the_highest_version_that_git_knows_counts(parameters: bytes | None, version: int) -> None:
    assert parse_protocol_version(parameters) == version


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J", r"\x1b[2J"),
        (b"\xff\n", r"\xff\n"),
        ("x" * 300, "x" * 200 + "..."),
        ("\u202etxt", r"\u202etxt"),
    ],
)
def test_what_a_client_wrote_is_safe_to_print(text: str | bytes, shown: str) -> None:
    assert printable(text) == shown
