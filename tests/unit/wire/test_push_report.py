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
    return b"".join(refused_push(commands, refused or {"refs/heads/main": "protected"}, "with the others", "no"))


def test_without_a_side_band_the_report_stands_alone() -> None:
    assert report("report-status") == report("report-status-v2") == REPORT


@pytest.mark.parametrize("band", ["side-band", "side-band-64k"])
def test_with_a_side_band_the_summary_comes_first(band: str) -> None:
    assert report("report-status", band) == encode(b"\2no\n") + encode(b"\1" + REPORT) + FLUSH


def test_a_client_that_asks_for_no_report_hears_a_fatal_error() -> None:
    assert report("side-band-64k") == encode(b"\3no\n") + FLUSH
    assert report() == b""


def many(*capabilities: str) -> PushCommands:
    refs = tuple(b"refs/heads/%d" % number for number in range(5000))
    updates = tuple(RefUpdate(ref=ref.decode(), old="a" * 40, new="b" * 40, change=RefChange.UPDATE) for ref in refs)
    return PushCommands(updates, refs, frozenset(capabilities))


@pytest.mark.parametrize("band", ["", "side-band", "side-band-64k"])
def test_a_report_about_many_refs_comes_in_parts_and_a_short_one_at_once(band: str) -> None:
    assert len(list(refused_push(many("report-status", band), {}, "no", "no"))) > 1
    assert len(list(refused_push(PushCommands(UPDATES, REFS, frozenset({"report-status", band})), {}, "no", "no"))) == 1


def test_a_report_that_is_longer_than_a_packet_goes_in_several() -> None:
    for band, longest in (("side-band", 1000), ("side-band-64k", 65516)):
        said = b"".join(refused_push(many("report-status", band), {}, "no", "no"))
        position, inside = 0, b""
        while (length := payload_length(said[position : position + 4])) is not None:
            assert length <= longest
            payload = said[position + 4 : position + 4 + length]
            if payload[:1] == b"\1":
                inside += payload[1:]
            position += 4 + length
        assert inside.count(b"ng refs/heads/") == 5000
        assert inside.endswith(FLUSH)


def test_the_id_at_the_end_of_a_long_message_is_not_cut_off() -> None:
    told = "n" * 900 + " (id 0123456789)"
    assert b"ng refs/heads/main %b\n" % told.encode() in report("report-status", refused={"refs/heads/main": told})


def test_a_ref_that_fills_a_packet_is_refused_as_any_other() -> None:
    """Attack: a name so long that its line in the report is longer than a packet can be."""
    ref = b"refs/heads/" + b"x" * 65400
    update = RefUpdate(ref=ref.decode(), old="0" * 40, new="b" * 40, change=RefChange.CREATE)
    commands = PushCommands((update,), (ref,), frozenset({"report-status"}))
    said = b"".join(refused_push(commands, {ref.decode(): "n" * 200}, "", ""))
    assert said.endswith(ref + b" " + b"n" * 100 + b"\n" + FLUSH)


def test_a_message_cannot_add_lines_or_escape_sequences() -> None:
    said = report("report-status", refused={"refs/heads/main": "x\nok refs/heads/main\x1b[2J"})
    assert b"\nok" not in said
    assert b"\x1b" not in said
