"""The connection after the login: which channels there are, and what they may be asked."""

import logging
from struct import pack
from typing import Any

import pytest
from twisted.conch.ssh.common import NS

DISCONNECT, OPENED, OPEN_FAILURE, SUCCESS, FAILURE, CLOSE = 1, 91, 92, 99, 100, 97
REQUEST_FAILURE = 82


@pytest.fixture
def connected(line: Any) -> Any:
    line.log_in()
    return line


def opening(kind: bytes = b"session", number: int = 7, largest_packet: int = 32768) -> bytes:
    return NS(kind) + pack(">3L", number, 2**20, largest_packet)


@pytest.mark.parametrize(
    "kind", [b"direct-tcpip", b"direct-streamlocal@openssh.com", b"x11", b"forwarded-tcpip", b"\xff", b""]
)
def test_only_sessions_are_opened(connected: Any, kind: bytes) -> None:
    """A server for git that forwards ports is a way into the network behind it."""
    connected.send(90, opening(kind))

    assert connected.take() == [(OPEN_FAILURE, pack(">2L", 7, 1) + NS(b"only sessions") + NS(b""))]


def test_there_are_at_most_ten_sessions(connected: Any) -> None:
    """5,000 were opened on one connection."""
    for number in range(12):
        connected.send(90, opening(number=number))

    assert [message for message, _ in connected.take()] == [OPENED] * 10 + [OPEN_FAILURE] * 2


def test_a_session_that_was_closed_makes_room(connected: Any) -> None:
    for number in range(25):
        connected.send(90, opening(number=number))
        connected.send(97, pack(">L", number))

    assert {message for message, _ in connected.take()} == {OPENED, CLOSE}


@pytest.mark.parametrize("largest_packet", [0, 1, 1023])
def test_tiny_packets_are_refused(connected: Any, largest_packet: int) -> None:
    """With a maximum packet of 0, conch sent empty packets for ever: the whole server stood still."""
    connected.send(90, opening(largest_packet=largest_packet))

    assert [message for message, _ in connected.take()] == [OPEN_FAILURE]


@pytest.mark.parametrize("name", [b"tcpip-forward", b"keepalive@openssh.com", b"\xff\xfe", b""])
def test_global_requests_are_refused(connected: Any, name: bytes) -> None:
    connected.send(80, NS(name) + b"\1")

    assert connected.take() == [(REQUEST_FAILURE, b"")]


def test_a_session_begins_with_a_small_window(connected: Any) -> None:
    """No byte before a decision: what a client may send before is bounded."""
    connected.send(90, opening())

    assert connected.take() == [(OPENED, pack(">4L", 7, 0, 65536, 32768))]


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        (b"subsystem", NS(b"sftp")),
        (b"x11-req", b"\0" + NS(b"") + NS(b"") + pack(">L", 0)),
        (b"auth-agent-req@openssh.com", b""),
        (b"env", NS(b"LD_PRELOAD") + NS(b"/tmp/evil.so")),
        (b"env", NS(b"GIT_TRACE") + NS(b"/tmp/trace")),
        (b"env", NS(b"GIT_PROTOCOL\0") + NS(b"version=2")),
        (b"\xff\xfe", b""),
        (b"", b""),
    ],
)
def test_requests_that_are_not_for_git_are_refused(connected: Any, kind: bytes, rest: bytes) -> None:
    """CVE-2024-41956: every variable that a client sent went to git, LD_PRELOAD among them."""
    session = connected.open_session()

    connected.send(98, connected.channel_request(session, kind, rest))

    assert connected.take() == [(FAILURE, pack(">L", 0))]


def test_a_request_without_a_wish_for_an_answer_has_none(connected: Any) -> None:
    session = connected.open_session()

    connected.send(98, connected.channel_request(session, b"signal", NS(b"INT"), wants_reply=False))

    assert connected.take() == []


def test_a_second_command_on_a_session_is_refused(connected: Any, gateway: Any) -> None:
    session = connected.open_session()
    for _ in range(2):
        connected.execute(session, b"git-upload-pack '/a.git'")
    connected.send(98, connected.channel_request(session, b"shell"))

    assert [message for message, _ in connected.take()] == [SUCCESS, FAILURE, FAILURE]
    assert len(gateway.requests) == 1


MALFORMED = [
    (80, b""),
    (80, NS(b"x")),
    (90, b""),
    (90, NS(b"session") + b"\0\0"),
    (91, pack(">4L", 0, 0, 1000, 1000)),
    (92, pack(">2L", 0, 1) + NS(b"") + NS(b"")),
    (93, b"\0"),
    (93, pack(">2L", 5, 1)),
    (93, pack(">L", 0)),
    (94, pack(">L", 5) + NS(b"to nobody")),
    (94, pack(">2L", 0, 100) + b"less"),
    (96, pack(">L", 5)),
    (97, pack(">L", 5)),
    (99, b""),
    (99, pack(">L", 0)),
    (100, pack(">L", 0)),
    (98, pack(">L", 5) + NS(b"exec") + b"\1" + NS(b"x")),
    (98, pack(">L", 0) + NS(b"exec")),
    (98, pack(">L", 0) + NS(b"exec") + b"\1" + pack(">L", 256) + b"git-upload-pack '/a.git'"),
    (98, pack(">L", 0) + NS(b"env") + b"\1" + NS(b"GIT_PROTOCOL")),
]


@pytest.mark.parametrize(("message", "payload"), MALFORMED)
def test_what_cannot_be_understood_ends_the_connection_with_one_line_in_the_log(
    connected: Any, gateway: Any, caplog: pytest.LogCaptureFixture, message: int, payload: bytes
) -> None:
    """Among them: an exec request that is cut off, which conch runs; and an answer to a channel that nobody opened,
    which makes conch forget a session with its git."""
    connected.open_session()
    caplog.clear()

    connected.send(message, payload)

    assert [message for message, _ in connected.take()] == [DISCONNECT]
    assert [(record.levelno, record.exc_info) for record in caplog.records] == [(logging.INFO, None)]
    assert gateway.requests == []


def test_answers_that_nobody_waits_for_are_passed_over(connected: Any) -> None:
    """CVE-2026-39830: each unsolicited answer was kept. They are as those to a keepalive that came late."""
    for message in (81, 82):
        connected.send(message, b"junk")

    assert connected.open_session() == 0


@pytest.mark.parametrize("message", [60, 61, 79, 101, 255])
def test_unknown_messages_are_called_so(connected: Any, message: int) -> None:
    connected.send(message, b"?")

    assert [answer for answer, _ in connected.take()] == [3]
