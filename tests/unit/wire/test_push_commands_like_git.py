"""What git takes for the commands of a push is what was judged: the same bytes, read by both."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitgate.wire.malformed import Malformed
from gitgate.wire.pktline import FLUSH, encode
from gitgate.wire.push_commands import PushCommandsReader

ZERO = b"0" * 40
EMPTY_TREE = b"4b825dc642cb6eb9a060e54bf8d69288fbee4904"
EMPTY_PACK = b"PACK\0\0\0\2\0\0\0\0" + bytes.fromhex("029d08823bd8a8eab510ad6ac75c823cfd3ed31e")


class ReceivePack:
    """git's own, in a repository whose hook notes the commands and refuses them."""

    def __init__(self, folder: Path) -> None:
        subprocess.run(["git", "init", "-q", "--bare", folder], check=True)
        self._folder = folder
        self._noted = folder / "noted"
        hook = folder / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ncat > {self._noted}\nexit 1\n")
        hook.chmod(0o755)

    def commands(self, sent: bytes) -> list[bytes]:
        """What the hook is given: nothing where git refuses the list itself."""
        self._noted.write_bytes(b"")
        subprocess.run(
            ["git", "receive-pack", "--stateless-rpc", self._folder],
            input=sent + EMPTY_PACK,
            capture_output=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"},
        )
        return self._noted.read_bytes().splitlines()


@pytest.fixture(scope="module")
def receive_pack(tmp_path_factory: pytest.TempPathFactory) -> ReceivePack:
    return ReceivePack(tmp_path_factory.mktemp("receiving") / "repository.git")


def judged(sent: bytes, cut: int | None = None) -> list[bytes] | None:
    """What is asked about; None where the push is refused unseen. The network may cut what was sent into pieces."""
    cut = cut or len(sent)
    reader, commands = PushCommandsReader(), None
    try:
        for start in range(0, len(sent), cut):
            commands = reader.feed(sent[start : start + cut])
    except Malformed:
        return None
    assert commands is not None
    assert b"".join(reader.received()) == sent
    return [
        f"{update.old} {update.new} ".encode() + ref
        for update, ref in zip(commands.updates, commands.refs, strict=True)
    ]


def command(ref: bytes) -> bytes:
    return ZERO + b" " + EMPTY_TREE + b" " + ref


HEAD = [b"push-cert\0report-status\n", b"certificate version 0.1\n", b"pusher a 1 +0000\n", b"\n"]
SIGNATURE = [b"-----BEGIN SSH SIGNATURE-----\n", b"x\n", b"-----END SSH SIGNATURE-----\n"]
END = [b"push-cert-end\n"]
OK, HIDDEN = command(b"refs/heads/ok"), command(b"refs/heads/hidden")

ATTACKS = {
    "a NUL ends a line for git": [
        *HEAD,
        OK + b"\0\n-----BEGIN SSH SIGNATURE-----\n",
        b"\n" + HIDDEN + b"\n",
        *SIGNATURE,
        *END,
    ],
    "a NUL after the end": [*HEAD, OK + b"\n", SIGNATURE[0], b"push-cert-end\n\0x", HIDDEN, b"push-cert", *END],
    "an end without newline is none for git": [
        *HEAD[:2],
        b"push-cert-end",
        b"shallow x\n\n" + HIDDEN + b"\n-----BEGIN SSH SIGNATURE-----\n",
        OK,
        b"push-cert",
        *END,
    ],
    "a second certificate goes on where the first ended": [
        HEAD[0],
        b"v\n\n" + OK + b"\n",
        *END,
        b"push-cert",
        HIDDEN + b"\n-----BEGIN SSH SIGNATURE-----\n",
        *END,
    ],
    "the last signature counts": [*HEAD, OK + b"\n", SIGNATURE[0], HIDDEN + b"\n", *SIGNATURE, *END],
    "commands beside a certificate": [*HEAD, OK + b"\n", *SIGNATURE, *END, HIDDEN],
    "a NUL in a later command": [OK + b"\0report-status", HIDDEN + b"\0/hidden"],
}


@pytest.mark.parametrize("lines", ATTACKS.values(), ids=ATTACKS)
def test_a_list_that_git_reads_differently_is_refused(lines: list[bytes]) -> None:
    """Attack: a list in which gitgate sees a ref that may be written, and git another one as well."""
    assert judged(b"".join(map(encode, lines)) + FLUSH) is None


def test_an_honest_list_is_what_git_reads(receive_pack: ReceivePack) -> None:
    plain = encode(OK + b"\0report-status") + encode(HIDDEN) + FLUSH
    signed = b"".join(map(encode, (*HEAD, OK + b"\n", HIDDEN + b"\n", *SIGNATURE, *END))) + FLUSH
    assert judged(plain) == judged(signed) == [OK, HIDDEN]
    assert receive_pack.commands(plain) == receive_pack.commands(signed) == [OK, HIDDEN]


PIECES = st.sampled_from(
    [
        *(HEAD + SIGNATURE + END),
        b"push-cert",
        b"push-cert\n",
        b"push-cert-end",
        b"certificate version 0.1\n\n",
        b"\n\n",
        b"-----BEGIN PGP SIGNATURE-----\n",
        b"shallow " + EMPTY_TREE,
        b"shallow x",
        OK,
        OK + b"\n",
        OK + b"\0report-status",
        HIDDEN,
        HIDDEN + b"\n",
        HIDDEN + b"\n" + SIGNATURE[0],
        ZERO + b" " + ZERO + b" refs/heads/none",
        b"\0",
        b"\n",
        b"x",
    ]
)
LINES = st.one_of(
    st.lists(st.lists(PIECES, min_size=1, max_size=2).map(b"".join), max_size=8),
    st.tuples(
        st.just(HEAD[:-1]),
        st.lists(st.lists(PIECES, min_size=1, max_size=2).map(b"".join), max_size=5),
        st.just([*SIGNATURE, *END]),
        st.lists(PIECES, max_size=2),
    ).map(lambda parts: [line for part in parts for line in part]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES)
def test_git_is_never_given_a_command_that_was_not_judged(receive_pack: ReceivePack, lines: list[bytes]) -> None:
    sent = b"".join(map(encode, lines)) + FLUSH
    asked = judged(sent)
    if asked is not None:
        assert set(receive_pack.commands(sent)) <= set(asked)


@given(LINES, st.integers(1, 100))
def test_however_the_network_cuts_a_list_it_asks_for_the_same(lines: list[bytes], cut: int) -> None:
    sent = b"".join(map(encode, lines)) + FLUSH
    assert judged(sent, cut) == judged(sent)
