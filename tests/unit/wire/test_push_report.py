import pytest

from gitgate.plugin import RefChange, RefUpdate
from gitgate.wire.pktline import FLUSH, encode, payload_length
from gitgate.wire.push_commands import PushCommands
from gitgate.wire.push_report import refused_push

REFS = (b"refs/heads/main", b"refs/heads/topic")
UPDATES = tuple(RefUpdate(ref=ref.decode(), old="a" * 40, new="b" * 40, change=RefChange.UPDATE) for ref in REFS)
REPORT = (
    encode(b"unpack ok\n")
    + encode(b"ng refs/heads/main protected\n")
    + encode(b"ng refs/heads/topic with the others\n")
    + FLUSH
)


def report(*capabilities: str, refused: dict[str, str] | None = None) -> bytes:
    commands = PushCommands(UPDATES, REFS, frozenset(capabilities))
    return refused_push(commands, refused or {"refs/heads/main": "protected"}, "with the others", "no")


def test_without_a_side_band_the_report_stands_alone() -> None:
    assert report("report-status") == report("report-status-v2") == REPORT


@pytest.mark.parametrize("band", ["side-band", "side-band-64k"])
def test_with_a_side_band_the_summary_comes_first(band: str) -> None:
    assert report("report-status", band) == encode(b"\2no\n") + encode(b"\1" + REPORT) + FLUSH


def test_a_client_that_asks_for_no_report_hears_a_fatal_error() -> None:
    assert report("side-band-64k") == encode(b"\3no\n") + FLUSH
    assert report() == b""


def test_a_report_that_is_longer_than_a_packet_goes_in_several() -> None:
    refs = tuple(b"refs/heads/%d" % number for number in range(5000))
    updates = tuple(RefUpdate(ref=ref.decode(), old="a" * 40, new="b" * 40, change=RefChange.UPDATE) for ref in refs)
    for band, longest in (("side-band", 1000), ("side-band-64k", 65516)):
        said = refused_push(PushCommands(updates, refs, frozenset({"report-status", band})), {}, "no", "no")
        position, inside = 0, b""
        while (length := payload_length(said[position : position + 4])) is not None:
            assert length <= longest
            payload = said[position + 4 : position + 4 + length]
            if payload[:1] == b"\1":
                inside += payload[1:]
            position += 4 + length
        assert inside.count(b"ng refs/heads/") == 5000
        assert inside.endswith(FLUSH)


def test_a_message_cannot_add_lines_or_escape_sequences() -> None:
    said = report("report-status", refused={"refs/heads/main": "x\nok refs/heads/main\x1b[2J"})
    assert b"\nok" not in said
    assert b"\x1b" not in said
