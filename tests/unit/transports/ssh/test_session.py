"""One session, between a client and its git."""

import logging
from struct import pack
from typing import Any

import pytest
from twisted.conch.ssh.common import NS
from twisted.internet.address import IPv6Address
from twisted.internet.defer import Deferred

from gitgate.git.process import GitExit
from gitgate.plugin import Access, GitRequest, Peer, Service, Transport
from gitgate.refusals import AccessDenied, RepositoryNotFound, Unavailable

ADJUST, DATA, EXTENDED, EOF, CLOSE, REQUEST, SUCCESS, FAILURE = 93, 94, 95, 96, 97, 98, 99, 100

ENDED = [
    (EOF, pack(">L", 0)),
    (REQUEST, pack(">L", 0) + NS(b"exit-status") + b"\0" + pack(">L", 0)),
    (CLOSE, pack(">L", 0)),
]


def status(code: int) -> tuple[int, bytes]:
    return (REQUEST, pack(">L", 0) + NS(b"exit-status") + b"\0" + pack(">L", code))


def data(text: bytes) -> tuple[int, bytes]:
    return (DATA, pack(">L", 0) + NS(text))


def error(text: bytes) -> tuple[int, bytes]:
    return (EXTENDED, pack(">2L", 0, 1) + NS(text))


def exited(code: int, *, silent: bool = False) -> GitExit:
    return GitExit(code=code, bytes_in=0, bytes_out=0, silent=silent)


def streams(messages: list[tuple[int, bytes]]) -> tuple[bytes, bytes]:
    """Standard output and standard error among these messages."""
    output = b"".join(payload[8:] for message, payload in messages if message == DATA)
    return output, b"".join(payload[12:] for message, payload in messages if message == EXTENDED)


@pytest.fixture
def session(line: Any) -> Any:
    """A line with one open session, number 0."""
    line.log_in()
    line.open_session()
    return line


# What is asked for.


def test_a_command_becomes_a_request(session: Any, gateway: Any) -> None:
    session.send(98, session.channel_request(0, b"env", NS(b"GIT_PROTOCOL") + NS(b"version=2")))
    session.execute(0, b"git-receive-pack '/team/a.git'")

    assert session.take() == [(SUCCESS, pack(">L", 0))] * 2
    [(name, request)] = gateway.requests
    assert name == "alice"
    assert request == GitRequest(
        request_id=request.request_id,
        peer=Peer(transport=Transport.SSH, address="192.0.2.7", port=40000, encrypted=True),
        service=Service.RECEIVE_PACK,
        path="/team/a.git",
        protocol=2,
        host=None,
        access=Access.WRITE,
        username="alice",
    )


@pytest.mark.parametrize("value", [b"version=9", b"2", b"version=2\n", b"version=2; id", b"", b"\xff"])
def test_a_protocol_that_is_none_is_ignored(session: Any, gateway: Any, value: bytes) -> None:
    session.send(98, session.channel_request(0, b"env", NS(b"GIT_PROTOCOL") + NS(value)))
    session.execute(0, b"git-upload-pack '/a.git'")

    assert session.take() == [(SUCCESS, pack(">L", 0))] * 2
    assert gateway.requests[0][1].protocol == 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (b"scp -t", b"gitgate: unrecognized command 'scp -t'\n"),
        (b"", b"gitgate: unrecognized command ''\n"),
        (b"\x1b[2J\xff", b"gitgate: unrecognized command '\\x1b[2J\\xff'\n"),
        (b"git-upload-pack /a.git", b"gitgate: bad argument\n"),
        (b"git-upload-pack '/../a.git'", b"gitgate: the path has '..' between its slashes\n"),
    ],
)
def test_a_command_that_is_not_understood_is_refused_as_git_shell_does_it(
    session: Any, gateway: Any, command: bytes, message: bytes
) -> None:
    session.execute(0, command)

    assert session.take() == [(SUCCESS, pack(">L", 0)), error(message), ENDED[0], status(128), ENDED[2]]
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (RepositoryNotFound("no such folder"), "repository not found"),
        (
            AccessDenied("rule 3", message="Pushing is for maintainers.\nAsk Zoë."),
            "Pushing is for maintainers.\nAsk Zoë.",
        ),
        (Unavailable("ldap: down", request_id="0123456789"), "temporarily unavailable (id 0123456789)"),
    ],
)
def test_a_refusal_is_told_with_git_s_exit_code(session: Any, gateway: Any, refusal: Exception, message: str) -> None:
    gateway.served = lambda client: refusal

    session.execute(0, b"git-upload-pack '/a.git'")

    assert session.take()[1:] == [error(f"gitgate: {message}\n".encode()), ENDED[0], status(128), ENDED[2]]


def test_a_fault_of_our_own_is_told_as_an_outage(session: Any, gateway: Any, caplog: pytest.LogCaptureFixture) -> None:
    gateway.served = lambda client: RuntimeError("a fault")

    session.execute(0, b"git-upload-pack '/a.git'")

    request_id = gateway.requests[0][1].request_id.encode()
    assert streams(session.take()) == (b"", b"gitgate: temporarily unavailable (id " + request_id + b")\n")
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]
    caplog.clear()


def test_a_shell_is_a_greeting(session: Any) -> None:
    session.send(98, session.channel_request(0, b"shell"))

    output, _ = streams(received := session.take())
    assert received[0] == (SUCCESS, pack(">L", 0))
    assert output.decode() == (
        "Hi alice, you are logged in to gitgate. There is no shell here; use git, for example:\n"
        "  git clone ssh://alice@192.0.2.1:22/path/to/repository\n"
    )
    assert received[2:] == ENDED


def test_a_client_by_ipv4_of_a_socket_for_both_is_told_the_address_that_it_knows(line: Any) -> None:
    line.server_socket.here = IPv6Address("TCP", "::ffff:192.0.2.1", 5522)
    line.log_in()
    session = line.open_session()
    line.send(98, line.channel_request(session, b"shell"))

    output, _ = streams(line.take())
    assert b"git clone ssh://alice@192.0.2.1:5522/path/to/repository\n" in output


def test_a_terminal_is_given_for_the_greeting_and_has_its_own_ends_of_lines(session: Any) -> None:
    """`ssh host` asks for a terminal, and says that it got none before all else."""
    session.send(98, session.channel_request(0, b"pty-req", NS(b"xterm") + pack(">4L", 80, 24, 0, 0) + NS(b"\0")))
    session.send(98, session.channel_request(0, b"shell"))

    received = session.take()
    output, _ = streams(received)
    assert [message for message, _ in received[:2]] == [SUCCESS, SUCCESS]
    assert output.count(b"\r\n") == output.count(b"\n") == 2


def test_the_public_url_is_what_is_shown(make_line: Any, gateway: Any) -> None:
    line = make_line(gateway, public_url="ssh://git@git.example.org/")
    line.log_in()
    line.send(98, line.channel_request(line.open_session(), b"shell"))

    assert b"git clone ssh://git@git.example.org/path/to/repository\n" in streams(line.take())[0]


# From git to the client.


def test_both_streams_and_the_exit_code_arrive_in_order(line: Any, running: Any) -> None:
    run = running()
    run.client.write(b"pack")
    run.client.write_error(b"fatal: no\n")
    run.end.callback(exited(3))
    line.carry()

    assert line.take()[-5:] == [data(b"pack"), error(b"fatal: no\n"), ENDED[0], status(3), ENDED[2]]


def test_the_end_waits_for_the_window(line: Any, running: Any) -> None:
    """conch sends EOF and the exit code while data still waits: a clone over a long line arrives cut off, with exit
    code 0."""
    run = running(window=10)
    run.client.write(b"0123456789abcdef")
    run.client.write_error(b"warning")
    run.end.callback(exited(0))
    line.carry()
    assert streams(line.take()) == (b"0123456789", b"")

    line.send(93, pack(">2L", 0, 8))
    assert streams(line.take()) == (b"abcdef", b"wa")
    line.send(93, pack(">2L", 0, 100))

    assert line.take() == [error(b"rning"), *ENDED]


def test_a_socket_that_fills_up_with_the_last_bytes_gets_the_end_later(line: Any, running: Any) -> None:
    """The socket pauses us from within each write once it is full, the one of the end itself among them: the end
    would be sent within itself, for ever."""
    run = running(window=10)
    run.client.write(b"0123456789abcdef")
    run.end.callback(exited(0))
    line.carry()
    line.take()
    write = line.server_socket.write

    def fill_up(sent: bytes) -> None:
        write(sent)
        line.server.pauseProducing()

    line.server_socket.write = fill_up
    line.send(93, pack(">2L", 0, 100))
    assert line.take() == [data(b"abcdef")]
    line.server_socket.write = write
    line.server.resumeProducing()
    line.carry()

    assert line.take() == ENDED


def test_git_is_paused_while_the_client_has_no_room(line: Any, running: Any) -> None:
    """A client opens a window and stops reading while git writes 300 MB: all of it was kept in memory."""
    run = running(window=10)
    run.git.calls.clear()
    run.client.write(b"x" * 11)
    assert run.git.calls == ["pause"]

    line.send(93, pack(">2L", 0, 10))

    assert run.git.calls == ["pause", "resume"]


def test_git_is_paused_while_the_socket_is_full(line: Any, running: Any) -> None:
    run = running()
    run.git.calls.clear()
    line.server_socket.producer.pauseProducing()
    run.client.write(b"what was read already")
    line.carry()
    assert (run.git.calls, line.take()) == (["pause"], [])

    line.server_socket.producer.resumeProducing()
    line.carry()

    assert run.git.calls == ["pause", "resume"]
    assert streams(line.take())[0] == b"what was read already"


def test_git_is_paused_during_a_key_exchange(line: Any, running: Any) -> None:
    """CVE-2025-22869: a client begins a key exchange, never ends it, and lets git write: 300 MB were kept."""
    run = running()
    run.git.calls.clear()
    line.client.sendKexInit()
    line.server.dataReceived(bytes(line.client_socket.sent))
    line.client_socket.sent.clear()

    run.client.write(b"what was read already")

    assert run.git.calls == ["pause"]
    assert line.server._blockedByKeyExchange == []


def test_output_goes_on_after_a_key_exchange(line: Any, running: Any) -> None:
    run = running()
    line.client.sendKexInit()
    line.server.dataReceived(bytes(line.client_socket.sent))
    line.client_socket.sent.clear()
    run.client.write(b"what was read already")
    run.end.callback(exited(0))

    line.carry()

    assert line.take() == [data(b"what was read already"), *ENDED]


def test_packets_are_as_small_as_the_client_wants_them(line: Any, gateway: Any, running: Any) -> None:
    run = running(largest_packet=1024)
    run.client.write(b"x" * 2500)
    line.carry()

    assert [len(payload) - 8 for message, payload in line.take() if message == DATA] == [1024, 1024, 452]


def test_packets_are_never_larger_than_others_can_take(line: Any, running: Any) -> None:
    run = running(largest_packet=2**32 - 1)
    run.client.write(b"x" * 40000)
    line.carry()

    assert [len(payload) - 8 for message, payload in line.take() if message == DATA] == [32768, 7232]


def test_a_window_does_not_grow_without_end(line: Any, running: Any) -> None:
    """RFC 4254 section 5.2: at most 2^32 - 1 bytes."""
    run = running(window=2**32 - 1)
    for _ in range(3):
        line.send(93, pack(">2L", 0, 2**32 - 1))
    run.client.write(b"x")
    line.carry()

    assert streams(line.take())[0] == b"x"


@pytest.mark.parametrize(("number", "name"), [(9, b"KILL"), (15, b"TERM"), (13, b"PIPE")])
def test_a_signal_that_ended_git_has_its_name(line: Any, running: Any, number: int, name: bytes) -> None:
    run = running()
    run.end.callback(exited(-number))
    line.carry()

    request = (REQUEST, pack(">L", 0) + NS(b"exit-signal") + b"\0" + NS(name) + b"\0" + NS(b"") + NS(b""))
    assert line.take()[-3:] == [ENDED[0], request, ENDED[2]]


def test_who_was_silent_for_too_long_is_told_why_it_ends(line: Any, running: Any) -> None:
    run = running()
    run.end.callback(exited(-15, silent=True))
    line.carry()

    assert streams(line.take())[1] == b"gitgate: closed, because no byte had moved for too long\n"


# From the client to git.


def test_what_is_sent_before_the_decision_waits_for_git(session: Any, gateway: Any, running: Any) -> None:
    asked: list[Any] = []

    def served(client: Any) -> Deferred[GitExit]:
        asked.append(client)
        return Deferred()

    gateway.served = served
    session.send(94, pack(">L", 0) + NS(b"early "))
    session.execute(0, b"git-receive-pack '/a.git'")
    session.send(94, pack(">L", 0) + NS(b"and more"))
    session.send(96, pack(">L", 0))
    session.take()
    git = _Git()

    asked[0].git_started(git)
    session.carry()

    assert git.calls[:2] == [b"early and more", "finish"]
    assert session.take() == [(ADJUST, pack(">2L", 0, 2 * 2**20 - 65536 + 14))]


def test_before_the_decision_no_more_room_is_given(session: Any, gateway: Any) -> None:
    """60 MB were taken from somebody who never named a repository."""
    gateway.served = lambda client: Deferred()
    session.send(94, pack(">L", 0) + NS(b"x" * 32768))
    session.execute(0, b"git-receive-pack '/a.git'")
    session.take()
    session.send(94, pack(">L", 0) + NS(b"x" * 32768))
    assert session.take() == []

    session.send(94, pack(">L", 0) + NS(b"x"))

    assert session.take() == [(CLOSE, pack(">L", 0))]


def test_before_the_decision_all_sessions_together_have_64_kib(line: Any, gateway: Any, git: Any) -> None:
    """Ten sessions, each with a window of 64 KiB that it fills while a plugin is asked."""
    line.log_in()
    sessions = [line.open_session() for _ in range(3)]
    clients: list[Any] = []
    gateway.served = lambda client: clients.append(client) or Deferred()
    for session in sessions:
        line.execute(session, b"git-receive-pack '/a.git'")
    for session in sessions[:2]:
        line.send(94, pack(">L", session) + NS(b"x" * 32768))
    assert line.server_socket.is_read
    line.send(94, pack(">L", sessions[2]) + NS(b"x"))
    assert not line.server_socket.is_read

    clients[2].git_started(git)

    assert line.server_socket.is_read


def test_room_is_given_back_as_git_takes_the_data(line: Any, running: Any) -> None:
    """100 MB were taken for a git that did not read."""
    run = running()
    run.client.pauseProducing()
    for _ in range(40):
        line.send(94, pack(">L", 0) + NS(b"x" * 32768))
    assert line.take() == []

    run.client.resumeProducing()
    line.carry()

    assert line.take() == [(ADJUST, pack(">2L", 0, 40 * 32768))]


def test_while_git_is_far_behind_nothing_is_read_from_the_client(line: Any, running: Any) -> None:
    """A client fills the window of 2 MiB while a hook runs and git does not read; with ten sessions on each of many
    connections, that is memory. 64 KiB more than git's own pipe takes are enough."""
    run = running()
    run.client.pauseProducing()
    for _ in range(2):
        line.send(94, pack(">L", 0) + NS(b"x" * 32768))
    assert line.server_socket.is_read
    line.send(94, pack(">L", 0) + NS(b"x"))
    assert not line.server_socket.is_read

    run.client.resumeProducing()

    assert line.server_socket.is_read


def push_to_git_that_does_not_keep_up(line: Any, run: Any) -> None:
    """More than a session keeps for git before its client is not read any more."""
    run.client.pauseProducing()
    for _ in range(3):
        line.send(94, pack(">L", 0) + NS(b"x" * 32768))


def test_a_session_that_ends_while_git_is_behind_lets_the_client_be_read_again(line: Any, running: Any) -> None:
    run = running()
    push_to_git_that_does_not_keep_up(line, run)
    assert not line.server_socket.is_read

    run.end.callback(exited(0))

    assert line.server_socket.is_read


def test_a_client_that_has_sent_all_is_read_again_though_git_is_behind(line: Any, running: Any) -> None:
    """git's process tells no more when it takes the rest. A push hung for ever whose last bytes came while keys were
    exchanged: nothing could be sent before the client's last word on that, which was not read."""
    run = running()
    push_to_git_that_does_not_keep_up(line, run)
    assert not line.server_socket.is_read

    line.send(EOF, pack(">L", 0))

    assert line.server_socket.is_read


def test_who_goes_on_sending_behind_the_end_is_sent_away(line: Any, running: Any) -> None:
    """Nobody would hold it back any more: a client ends its data while a hook runs, and sends as much as it likes."""
    run = running()
    line.send(EOF, pack(">L", 0))

    line.send(94, pack(">L", 0) + NS(b"x"))

    assert [message for message, _ in line.take()] == [1]
    assert run.git.calls[-1] == "finish"


def test_a_full_socket_is_not_read_even_if_git_keeps_up(line: Any, running: Any) -> None:
    run = running()
    push_to_git_that_does_not_keep_up(line, run)
    line.server.pauseProducing()

    run.client.resumeProducing()
    assert not line.server_socket.is_read
    line.server.resumeProducing()

    assert line.server_socket.is_read


def test_a_socket_that_is_free_again_is_not_read_for_a_git_that_does_not_keep_up(line: Any, running: Any) -> None:
    """1. A client pushes to a git that waits for a hook, so nothing more is read. 2. It has something sent to it, and
    takes that: the socket was full, and is free. 3. Were it read now, all that it goes on to push would be kept here.
    """
    run = running()
    push_to_git_that_does_not_keep_up(line, run)
    line.server.pauseProducing()

    line.server.resumeProducing()
    assert not line.server_socket.is_read
    run.client.resumeProducing()

    assert line.server_socket.is_read


def test_more_than_the_window_closes_the_session_and_ends_git(line: Any, running: Any) -> None:
    run = running()
    run.client.pauseProducing()
    for _ in range(65):
        line.send(94, pack(">L", 0) + NS(b"x" * 32768))

    assert line.take() == [(CLOSE, pack(">L", 0))]
    assert run.is_cancelled
    assert run.git.calls.count(b"x" * 32768) == 64


def test_a_packet_that_is_too_large_closes_the_session(line: Any, running: Any) -> None:
    run = running()
    line.send(94, pack(">L", 0) + NS(b"x" * 32769))

    assert line.take() == [(CLOSE, pack(">L", 0))]
    assert run.is_cancelled


def test_the_end_of_the_input_reaches_git(line: Any, running: Any) -> None:
    run = running()
    line.send(94, pack(">L", 0) + NS(b"last"))
    line.send(96, pack(">L", 0))

    assert run.git.calls[-2:] == [b"last", "finish"]


def test_errors_of_the_client_are_not_for_git(line: Any, running: Any) -> None:
    run = running()
    run.git.calls.clear()
    line.send(95, pack(">2L", 0, 1) + NS(b"?"))

    assert run.git.calls == []


# The end.


def test_a_client_that_closes_the_session_ends_git(line: Any, running: Any) -> None:
    run = running()

    line.send(97, pack(">L", 0))

    assert run.is_cancelled
    assert line.take() == [(CLOSE, pack(">L", 0))]


def test_a_lost_connection_ends_every_git(line: Any, running: Any) -> None:
    run = running()

    line.lose()

    assert run.is_cancelled


def test_a_malformed_message_ends_every_git_at_once(line: Any, running: Any) -> None:
    run = running()

    line.send(90, b"")

    assert run.is_cancelled


def test_what_git_says_after_its_client_has_gone_is_dropped(line: Any, running: Any) -> None:
    run = running()
    line.send(97, pack(">L", 0))
    line.take()

    run.client.write(b"more")
    run.client.write_error(b"more")
    run.client.resumeProducing()
    line.carry()

    assert line.take() == []


def test_the_end_of_one_session_leaves_the_others(line: Any, running: Any) -> None:
    """ssh's ControlMaster: many commands over one connection."""
    run = running()
    run.end.callback(exited(0))
    line.carry()
    line.send(97, pack(">L", 0))
    line.take()

    session = line.open_session()
    line.execute(session, b"git-upload-pack '/b.git'")

    assert line.take()[0] == (SUCCESS, pack(">L", 0))
    assert not line.server_socket.is_closed


class _Git:
    def __init__(self) -> None:
        self.calls: list[object] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def finish(self) -> None:
        self.calls.append("finish")

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...
