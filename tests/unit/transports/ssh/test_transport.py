"""The transport below the login."""

import logging
from struct import pack
from typing import Any

import pytest
from twisted.conch.ssh.common import NS, getNS
from twisted.internet.testing import StringTransport

from gitgate.plugin import Duration
from gitgate.refusals import CredentialsRefused, Unavailable
from gitgate.transports.penalties import Offence

DISCONNECT, UNIMPLEMENTED, SERVICE_ACCEPT, EXT_INFO = 1, 3, 6, 7


def test_only_strong_algorithms_are_offered(line: Any) -> None:
    line.carry()
    *lists, _ = getNS(line.client.otherKexInitPayload[17:], 10)

    assert lists == [
        b"mlkem768x25519-sha256,curve25519-sha256,curve25519-sha256@libssh.org,kex-strict-s-v00@openssh.com,ext-info-s",
        b"ssh-ed25519",
        b"aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes128-ctr",
        b"aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes128-ctr",
        b"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com",
        b"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com",
        b"none",
        b"none",
        b"",
        b"",
    ]


def test_the_version_names_gitgate(line: Any) -> None:
    line.carry()

    assert line.client.otherVersionString.startswith(b"SSH-2.0-gitgate_")


def test_signatures_that_are_taken_from_users_are_announced(line: Any) -> None:
    """conch announces those of its host keys. With an ed25519 host key, OpenSSH then finds "no mutual signature
    algorithm" for an RSA key."""
    line.carry()

    [(message, payload)] = line.take()
    assert message == EXT_INFO
    assert payload == pack(">L", 1) + NS(b"server-sig-algs") + NS(
        b"ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
        b"sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"
    )


def test_who_does_not_log_in_in_time_is_disconnected(line: Any) -> None:
    """A thousand connections that send nothing, or a byte a minute: conch waits for ten hours."""
    line.begin_login()
    line.clock.advance(29)
    assert not line.server_socket.is_aborted

    line.clock.advance(1)

    assert line.server_socket.is_aborted


def test_who_is_logged_in_may_stay_beyond_the_login_deadline(line: Any) -> None:
    line.log_in()
    line.clock.advance(599)

    assert not line.server_socket.is_closed


def test_who_is_logged_in_and_says_nothing_for_the_idle_deadline_is_disconnected(line: Any) -> None:
    """`ssh -N`, a thousand times: each would keep a place that nobody else gets, and so would a client that stalls."""
    line.log_in()
    line.clock.advance(599)
    line.carry()
    assert not line.server_socket.is_aborted

    line.clock.advance(1)

    assert line.server_socket.is_aborted


def test_what_a_client_says_puts_the_idle_deadline_off(line: Any) -> None:
    line.log_in()
    session = line.open_session()
    line.clock.advance(599)
    line.send(98, line.channel_request(session, b"env", NS(b"GIT_PROTOCOL") + NS(b"version=2")))
    line.clock.advance(599)

    assert not line.server_socket.is_aborted


@pytest.mark.parametrize("message", [2, 80, 82])
def test_what_asks_for_nothing_does_not_put_the_idle_deadline_off(line: Any, message: int) -> None:
    """A thousand clients that send an empty message every minute, and answer keepalives: each would keep its place."""
    line.log_in()
    for _ in range(9):
        line.clock.advance(60)
        line.send(message, NS(b"") + b"\0")
    line.clock.advance(60)

    assert line.server_socket.is_aborted


def test_a_lost_connection_leaves_nothing_behind(line: Any) -> None:
    line.begin_login()
    line.lose()

    assert line.clock.getDelayedCalls() == []
    assert line.connections.admit(None) is None
    line.connections.abort()
    assert not line.server_socket.is_aborted


def test_a_connection_can_be_aborted_from_outside(line: Any) -> None:
    line.connections.abort()

    assert line.server_socket.is_aborted


MALFORMED = [
    (5, b""),
    (5, NS(b"ssh-userauth")[:-3]),
    (20, b"junk"),
    (21, b""),
    (30, b"x"),
    (34, pack(">3L", 1, 2, 3)),
    (50, b""),
    (50, NS(b"alice")),
]


@pytest.mark.parametrize(("message", "payload"), MALFORMED)
def test_what_cannot_be_understood_ends_the_connection_with_one_line_in_the_log(
    line: Any, caplog: pytest.LogCaptureFixture, message: int, payload: bytes
) -> None:
    line.begin_login()

    line.send(message, payload)

    [(ended, reason)] = line.take()
    assert (ended, reason[:4]) == (DISCONNECT, pack(">L", 2))
    [record] = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage().startswith("ssh 192.0.2.7: malformed: ")
    assert record.exc_info is None


@pytest.mark.parametrize("message", [2, 3, 4])
def test_messages_without_meaning_are_passed_over(line: Any, message: int) -> None:
    line.begin_login()
    line.send(message, {2: b"", 3: pack(">L", 1), 4: b"\1" + NS(b"\x1b[2Jhello") + NS(b"")}[message])
    line.send(50, line.password("alice", "secret"))

    assert line.take() == [(52, b"")]


def test_after_the_end_nothing_more_is_looked_at(line: Any, gateway: Any) -> None:
    """A malformed message, and a login behind it: conch goes on with what it has already read, and with what comes
    until the socket is closed."""
    line.begin_login()
    line.client.sendPacket(50, b"")
    line.client.sendPacket(50, line.password("alice", "secret"))
    line.carry()
    line.client.sendPacket(5, NS(b"ssh-userauth"))
    line.client.sendPacket(50, line.password("alice", "secret"))

    line.server.dataReceived(bytes(line.client_socket.sent))

    assert [message for message, _ in line.take()] == [DISCONNECT]
    assert (gateway.asked, line.server.service) == ([], None)


def test_who_does_not_read_why_it_has_to_go_is_disconnected_anyway(line: Any) -> None:
    """loseConnection waits until everything is sent, which a client can prevent by not reading."""
    line.begin_login()
    line.send(50, b"")
    assert (line.server_socket.is_closed, line.server_socket.is_aborted) == (True, False)

    line.clock.advance(5)

    assert line.server_socket.is_aborted


def test_a_client_that_says_goodbye_is_gone(line: Any) -> None:
    line.log_in()

    line.send(1, pack(">L", 11) + NS(b"bye") + NS(b""))

    assert line.server_socket.is_closed
    assert line.take() == []


@pytest.mark.parametrize("begin", ["begin_login", "log_in"])
@pytest.mark.parametrize("size", [35_001, 262_144])
def test_packets_are_small_before_and_after_the_login(line: Any, begin: str, size: int) -> None:
    getattr(line, begin)()
    line.send(2, NS(b"x" * 34_900))
    assert line.take() == []

    line.send(2, NS(b"x" * size))

    assert [message for message, _ in line.take()] == [DISCONNECT]


def test_a_packet_that_is_too_long_is_refused_before_it_is_there(line: Any) -> None:
    """Clients that announce a megabyte each, and send it but for the last byte: conch keeps it all."""
    line.begin_login()
    line.client.sendPacket(2, NS(b"x" * 900_000))
    del line.client_socket.sent[64:]

    line.carry()

    assert [message for message, _ in line.take()] == [DISCONNECT]


def test_extensions_of_the_client_are_not_read(line: Any) -> None:
    """An EXT_INFO with 125,000 extensions kept conch busy for 2.3 seconds, before the login."""
    line.begin_login()
    line.send(EXT_INFO, pack(">L", 2**32 - 1) + b"junk")
    line.send(50, line.password("alice", "secret"))

    assert line.take() == [(52, b"")]


@pytest.mark.parametrize("name", [b"ssh-connection", b"ssh-shell", b"x" * 1000])
def test_other_services_are_refused_before_the_login(line: Any, name: bytes) -> None:
    """CVE-2018-10933: services that could be had without a login."""
    line.carry()
    line.take()

    line.send(5, NS(name))

    [(message, payload)] = line.take()
    assert (message, len(payload) < 100) == (DISCONNECT, True)


def test_sessions_do_not_exist_before_the_login(line: Any, gateway: Any) -> None:
    """CVE-2018-7749, CVE-2025-32433: channels were opened for everybody."""
    line.carry()
    line.take()
    for _ in range(2):
        line.send(90, NS(b"session") + pack(">3L", 0, 1000, 1000))
        line.send(98, line.channel_request(0, b"exec", NS(b"git-upload-pack '/a.git'")))
        if line.server.service is None:
            line.send(5, NS(b"ssh-userauth"))

    assert [message for message, _ in line.take()] == [UNIMPLEMENTED] * 2 + [SERVICE_ACCEPT] + [UNIMPLEMENTED] * 2
    assert gateway.requests == []


def test_a_full_server_turns_clients_away(line: Any) -> None:
    for _ in range(10):
        line.connections.add(StringTransport())

    assert line.server.factory.buildProtocol(None) is None


def test_a_client_that_answers_no_question_is_disconnected(make_line: Any, gateway: Any) -> None:
    """A laptop is closed in the middle of a push: no packet ever says so, and git would wait for the rest."""
    line = make_line(gateway, keepalive_interval=Duration.parse("15s"), keepalive_count=3)
    line.log_in()
    line.clock.pump([1] * 59)
    assert not line.server_socket.is_aborted

    line.clock.advance(1)

    assert line.server_socket.is_aborted


def test_a_client_that_answers_stays_until_it_was_idle_for_too_long(make_line: Any, gateway: Any) -> None:
    line = make_line(gateway, keepalive_interval=Duration.parse("15s"), keepalive_count=3)
    line.log_in()
    questions = []
    for _ in range(599):
        line.clock.advance(1)
        line.carry()
        for message, payload in line.take():
            questions.append((message, payload))
            line.send(82, b"")
    assert not line.server_socket.is_closed
    assert questions == [(80, NS(b"keepalive@openssh.com") + b"\1")] * 39

    line.clock.advance(1)

    assert line.server_socket.is_aborted


def test_a_client_that_cannot_be_asked_now_is_not_taken_for_dead(make_line: Any, gateway: Any) -> None:
    """Its line is slow, and what it is to read fills the socket: the question would wait behind that."""
    line = make_line(gateway, keepalive_interval=Duration.parse("15s"), keepalive_count=3)
    line.log_in()
    line.server_socket.producer.pauseProducing()
    line.clock.pump([1] * 300)

    assert not line.server_socket.is_aborted
    assert line.server_socket.sent == b""


def test_offences_are_put_down_to_the_source(make_line: Any, gateway: Any) -> None:
    """Somebody guesses passwords, keeps places without a login, or looks at what listens here, again and again."""
    gateway.judge = lambda credentials: CredentialsRefused("wrong")
    guessing, silent, browser = (make_line(gateway) for _ in range(3))

    guessing.begin_login()
    guessing.send(50, guessing.password("alice", "guess"))
    silent.clock.advance(30)
    browser.server.dataReceived(b"GET / HTTP/1.1\r\n")

    assert [guessing.blamed, silent.blamed, browser.blamed] == [
        [Offence.LOGIN_REFUSED],
        [Offence.NO_LOGIN_IN_TIME],
        [Offence.MALFORMED],
    ]


def test_an_outage_or_a_question_is_no_offence(make_line: Any, gateway: Any) -> None:
    gateway.judge = lambda credentials: Unavailable("no server", request_id="0123456789")
    line = make_line(gateway)
    line.begin_login()
    line.send(50, line.password("alice", "secret"))
    line.send(50, NS(b"alice") + NS(b"ssh-connection") + NS(b"none"))

    assert line.blamed == []


def test_a_message_that_is_not_known_is_named_by_its_number(line: Any) -> None:
    line.log_in()
    number = line.server._reader.last_sequence

    line.send(79, b"")

    assert line.take() == [(UNIMPLEMENTED, pack(">L", number + 1))]


def test_a_guess_of_the_algorithm_that_was_wrong_is_passed_over(line: Any) -> None:
    """RFC 4253 section 7.1: the packet behind such a proposal is not looked at, whatever kind of exchange it is for."""
    client = line.client
    send_proposal = client.sendPacket

    def with_a_guess(message: int, payload: bytes) -> None:
        if message == 20:
            payload = payload[:-5] + b"\1" + bytes(4)
            client.ourKexInitPayload = b"\x14" + payload
            send_proposal(20, payload)
            send_proposal(34, b"a wrong guess")
        else:
            send_proposal(message, payload)

    line.log_in()
    client.sendPacket = with_a_guess
    client.sendKexInit()
    client.sendPacket = send_proposal
    line.carry()

    assert line.open_session() == 0


@pytest.mark.parametrize("share", [b"", NS(b""), NS(b"x" * 31), NS(bytes(32)), NS(b"x" * 32) + b"y", b"\xff" * 8])
def test_a_share_by_which_no_secret_can_be_had_is_malformed(line: Any, share: bytes) -> None:
    """All zeros, among others: a point of low order makes a secret that everybody knows (RFC 7748 section 6.1)."""
    line.log_in()
    send = line.client.sendPacket
    line.client.sendPacket = lambda message, payload: send(message, share if message == 30 else payload)
    line.client.sendKexInit()
    line.carry()

    assert [message for message, _ in line.take()] == [DISCONNECT]


def test_a_type_error_of_our_own_is_not_put_down_to_the_client(
    line: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.log_in()
    line.take()
    for name in ("ssh_CHANNEL_OPEN", "ssh_CHANNEL_DATA"):
        monkeypatch.setattr(line.server.service, name, lambda packet: packet + 1)
    caplog.clear()

    line.send(90, NS(b"session") + pack(">3L", 0, 1000, 32768))

    assert [message for message, _ in line.take()] == [DISCONNECT]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    caplog.clear()


def test_a_key_exchange_that_does_not_end_is_ended(line: Any) -> None:
    """CVE-2025-22869: a client begins a key exchange and never ends it. What was sent meanwhile was kept in memory."""
    line.log_in()
    line.client.sendKexInit()
    line.server.dataReceived(bytes(line.client_socket.sent))

    line.clock.advance(600)

    assert line.server_socket.is_aborted


def test_new_keys_can_be_agreed_on_again_and_again(line: Any) -> None:
    line.log_in()
    for _ in range(3):
        line.client.sendKexInit()
        line.carry()
    line.clock.advance(599)  # the login deadline, which ends a key exchange as well, is long over

    assert line.open_session() == 0


def test_while_the_socket_is_full_nothing_is_read(line: Any) -> None:
    """A client that asks and asks and does not read the answers: they would pile up here."""
    line.log_in()
    line.server_socket.producer.pauseProducing()
    assert not line.server_socket.is_read

    line.server_socket.producer.resumeProducing()

    assert line.server_socket.is_read


def test_a_fault_of_our_own_is_logged_with_its_traceback(
    line: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.carry()
    line.take()

    def fail(packet: bytes) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(line.server, "ssh_SERVICE_REQUEST", fail)
    line.send(5, NS(b"ssh-userauth"))

    assert [message for message, _ in line.take()] == [DISCONNECT]
    assert [(record.levelno, record.exc_info is not None) for record in caplog.records] == [(logging.ERROR, True)]
    caplog.clear()
