"""What people are told by git has no paths of the server in it, and is otherwise what git says, to the byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.wire.hidden_paths import HiddenPaths, PathlessLines, PathlessPackets
from gitgate.wire.pktline import FLUSH, encode

PATHS = HiddenPaths("/srv/git/team/app.git", "team/app")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            b"error: Unable to create '/srv/git/team/app.git/./refs/heads/main.lock': File exists.",
            b"error: Unable to create 'team/app/./refs/heads/main.lock': File exists.",
        ),
        (b"fatal: bad config line 1 in file /etc/shadow", b"fatal: bad config line 1 in file ..."),
        (b"warning: cannot use /srv/git/team/app.github/x", b"warning: cannot use ..."),
        (b"/srv/git/team/app.git/hooks/update: 3: x: not found", b"team/app/hooks/update: 3: x: not found"),
        (b"see /docs/guidelines", b"see /docs/guidelines"),
        (b"error: see https://git.example.org/docs and/or ask", b"error: see https://git.example.org/docs and/or ask"),
        (b"fatal: not a valid object name: main:a/b", b"fatal: not a valid object name: main:a/b"),
    ],
)
def test_paths_are_left_out_of_what_git_complains_about(said: bytes, told: bytes) -> None:
    assert PATHS.of(said) == told


def test_a_path_in_two_packets_is_found_and_what_is_no_text_passes_as_it_is() -> None:
    """git passes on what a hook says in pieces of 128 bytes; a path may be cut in two by that."""
    pack = encode(b"\1PACK/srv/git/team/app.git/" + bytes(1000))
    packets = PathlessPackets(PATHS)
    assert packets.put(encode(b"\2rejected in /srv/git/te")) == b""
    assert packets.put(pack + encode(b"\2") + encode(b"\2am/app.git/x\nbye")) == (
        pack + encode(b"\2") + encode(b"\2rejected in team/app/x\n")
    )
    assert packets.put(FLUSH) == encode(b"\2bye") + FLUSH
    assert packets.rest() == b""


def test_a_pack_without_a_side_band_passes_as_it_is() -> None:
    packets = PathlessPackets(PATHS)
    said = encode(b"NAK\n") + b"PACK\0\0\0\2" + encode(b"\2/srv/git/team/app.git\n")
    assert packets.put(said[:10]) + packets.put(said[10:]) + packets.rest() == said


_PACKETS = st.one_of(
    st.just(FLUSH),
    st.just(b"0001"),
    st.just(encode(b"")),
    st.builds(lambda band, text: encode(band + text), st.sampled_from([b"\1", b"a"]), st.binary(max_size=40)),
    st.builds(lambda text: encode(b"\2" + text + b"\n"), st.binary(max_size=40).filter(lambda text: b"/" not in text)),
)


@given(st.lists(_PACKETS), st.data())
def test_without_paths_nothing_is_changed_however_it_is_cut(packets: list[bytes], data: st.DataObject) -> None:
    said = b"".join(packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=6)))
    hidden = PathlessPackets(PATHS)
    told = b"".join(hidden.put(said[a:b]) for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True))
    assert told + hidden.rest() == said


@given(st.lists(st.integers(0, 60), max_size=4))
def test_lines_are_told_whole_however_they_are_cut(cuts: list[int]) -> None:
    said = b"working\r in /srv/git/team/app.git\nfatal: in /tmp/x"
    cuts = sorted(cuts)
    lines = PathlessLines(PATHS)
    told = b"".join(lines.put(said[a:b]) for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True))
    assert told + lines.rest() == b"working\r in team/app\nfatal: in ..."


def test_a_line_without_end_is_not_kept() -> None:
    lines = PathlessLines(PATHS)
    assert lines.put(b"x" * 5000) == b"x" * 5000
