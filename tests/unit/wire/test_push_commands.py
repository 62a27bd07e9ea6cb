from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.plugin import RefChange, RefUpdate
from gitgate.wire.malformed import Malformed
from gitgate.wire.pktline import FLUSH, encode, payload_length
from gitgate.wire.push_commands import LONGEST_LIST, PushCommands, PushCommandsReader

ZERO, A, B = "0" * 40, "a" * 40, "b" * 40


def command(old: str, new: str, ref: str, capabilities: str = "") -> bytes:
    return encode(f"{old} {new} {ref}".encode() + (f"\0{capabilities}".encode() if capabilities else b""))


def read(data: bytes) -> PushCommands | None:
    return PushCommandsReader().feed(data)


LIST = (
    command(ZERO, A, "refs/heads/new", " report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5")
    + command(A, B, "refs/heads/main")
    + command(A, ZERO, "refs/tags/old")
)
UPDATES = (
    RefUpdate(ref="refs/heads/new", old=ZERO, new=A, change=RefChange.CREATE),
    RefUpdate(ref="refs/heads/main", old=A, new=B, change=RefChange.UPDATE),
    RefUpdate(ref="refs/tags/old", old=A, new=ZERO, change=RefChange.DELETE),
)


def test_each_command_says_what_it_does_to_its_ref() -> None:
    commands = read(LIST + FLUSH + b"PACK")
    assert commands is not None
    assert commands.updates == UPDATES
    assert commands.refs == (b"refs/heads/new", b"refs/heads/main", b"refs/tags/old")
    assert commands.capabilities == {"report-status-v2", "side-band-64k", "object-format=sha1", "agent=git/2.39.5"}


def test_the_bytes_that_were_read_are_kept_as_they_came_with_what_follows_them() -> None:
    reader = PushCommandsReader()
    for byte in LIST:
        reader.feed(bytes([byte]))
    reader.feed(FLUSH + b"PACK")
    assert b"".join(reader.received()) == LIST + FLUSH + b"PACK"


def test_a_long_list_is_handed_on_in_parts() -> None:
    reader = PushCommandsReader()
    sent = command(ZERO, A, "refs/heads/" + "x" * 60_000) * 100 + FLUSH
    reader.feed(sent)
    parts = list(reader.received())
    assert len(parts) > 2
    assert b"".join(parts) == sent


def test_a_list_is_complete_only_at_its_flush() -> None:
    reader = PushCommandsReader()
    assert reader.feed(LIST) is None
    assert reader.feed(b"00") is None
    commands = reader.feed(b"00")
    assert commands is not None
    assert commands.updates == UPDATES


def test_nothing_to_push_is_a_list_without_commands() -> None:
    assert read(FLUSH) == PushCommands((), (), frozenset())


def test_what_a_shallow_clone_lacks_is_no_command() -> None:
    commands = read(encode(f"shallow {A}".encode()) + LIST + FLUSH)
    assert commands is not None
    assert commands.updates == UPDATES


def test_names_of_sha256_are_names() -> None:
    commands = read(command("0" * 64, "c" * 64, "refs/heads/x") + FLUSH)
    assert commands is not None
    assert commands.updates == (RefUpdate(ref="refs/heads/x", old="0" * 64, new="c" * 64, change=RefChange.CREATE),)


CERTIFICATE = b"".join(
    encode(line)
    for line in (
        b"push-cert\0 report-status side-band-64k push-options\n",
        b"certificate version 0.1\n",
        b"pusher key 1 +0000\n",
        b"pushee ssh://x/y\n",
        b"nonce 1-a\n",
        b"push-option one\n",
        b"\n",
        f"{ZERO} {A} refs/heads/new\n".encode(),
        f"{A} {B} refs/heads/main\n".encode(),
        f"{A} {ZERO} refs/tags/old\n".encode(),
        b"-----BEGIN SSH SIGNATURE-----\n",
        f"{A} {B} refs/heads/in-the-signature\n".encode(),
        b"-----END SSH SIGNATURE-----\n",
        b"push-cert-end\n",
    )
)


def test_the_commands_of_a_certificate_are_the_commands_of_the_push() -> None:
    commands = read(CERTIFICATE + FLUSH)
    assert commands is not None
    assert commands.updates == UPDATES
    assert commands.capabilities == {"report-status", "side-band-64k", "push-options"}


def test_a_command_that_makes_nothing_deletes() -> None:
    """Attack: delete a ref with the right to create, by saying that it is not there. git deletes it all the same."""
    commands = read(command(ZERO, ZERO, "refs/heads/x") + FLUSH)
    assert commands is not None
    assert [update.change for update in commands.updates] == [RefChange.DELETE]


def test_a_ref_that_is_not_utf8_keeps_its_own_name() -> None:
    commands = read(encode(f"{ZERO} {A} refs/heads/".encode() + b"\xff\xe9") + FLUSH)
    assert commands is not None
    assert commands.updates[0].ref == r"refs/heads/\xff\xe9"
    assert commands.refs == (b"refs/heads/\xff\xe9",)


@pytest.mark.parametrize(
    "data",
    [
        b"0001",
        b"0002",
        b"PACK",
        encode(b""),
        encode(b"\n"),
        encode(b"refs/heads/main") + FLUSH,
        encode(f"{A} {B}".encode()) + FLUSH,
        encode(f"{A} {B} ".encode()) + FLUSH,
        encode(f"{A.upper()} {B} refs/heads/x".encode()) + FLUSH,
        encode(f"{A}  {B} refs/heads/x".encode()) + FLUSH,
        encode(b"push-cert\0caps") + FLUSH,
        CERTIFICATE[:-4] + b"0000",
        CERTIFICATE + command(A, B, "refs/heads/beside"),
        command(A, B, "refs/heads/beside", "report-status") + CERTIFICATE,
        command(A, B, "refs/heads/x", "report-status") + command(A, B, "refs/heads/y", "report-status"),
        command(A, B, "refs/heads/x", "report-status\0more"),
        command(A, B, "refs/heads/x\nrefs/heads/y"),
        encode(f"shallow {A[:39]}".encode()) + LIST,
        LIST + encode(f"shallow {A}".encode()),
    ],
)
def test_anything_else_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data + FLUSH)


@pytest.mark.parametrize(
    "line",
    [
        b"refs/heads/main",
        f"{A} {B} refs/heads/x\0report-status".encode(),
        f"shallow {A}".encode(),
    ],
)
def test_a_line_that_is_malformed_is_told_before_the_list_ends(line: bytes) -> None:
    """Attack: a list that is wrong from its second line, and goes on to what a list may be long."""
    reader = PushCommandsReader()
    reader.feed(LIST)
    with pytest.raises(Malformed):
        reader.feed(encode(line))


def test_the_lines_of_a_certificate_need_not_be_its_packets() -> None:
    begin, *lines, end = _payloads(CERTIFICATE)
    text = b"".join(lines)
    for size in (1, 7, 60, len(text)):
        packets = (begin, *(text[start : start + size] for start in range(0, len(text), size)), end)
        commands = read(b"".join(map(encode, packets)) + FLUSH)
        assert commands is not None
        assert commands.updates == UPDATES


def _payloads(data: bytes) -> Iterator[bytes]:
    while data:
        end = 4 + (payload_length(data[:4]) or 0)
        yield data[4:end]
        data = data[end:]


def test_a_list_has_an_end() -> None:
    """A client goes on naming refs for ever: what is read before there is a decision stays in memory."""
    reader = PushCommandsReader()
    piece = command(ZERO, A, "refs/heads/" + "x" * 60_000)
    reader.feed(piece * (LONGEST_LIST // len(piece)))
    with pytest.raises(Malformed, match="longer than"):
        reader.feed(piece)


@given(st.lists(st.binary(max_size=80), max_size=6), st.binary(max_size=20))
def test_whatever_a_client_sends_is_understood_or_malformed(lines: list[bytes], tail: bytes) -> None:
    try:
        read(b"".join(map(encode, lines)) + tail)
    except Malformed:
        pass
