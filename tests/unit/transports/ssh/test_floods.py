"""Clients that do what is allowed, and do it without end."""

from struct import pack
from typing import Any

import pytest
from twisted.conch.ssh.common import NS

from gitgate.plugin import Duration, Size

DISCONNECT, SERVICE_ACCEPT = 1, 6
USELESS = b"too many messages that ask for nothing"


def reason(line: Any) -> bytes:
    """Why the client was sent away; the last thing that it was told."""
    message, payload = line.take()[-1]
    assert message == DISCONNECT
    return payload[8:-4]


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        pytest.param(2, NS(b""), id="ignore"),
        pytest.param(3, pack(">L", 0), id="unimplemented"),
        pytest.param(4, b"\1" + NS(b"") + NS(b""), id="debug"),
        pytest.param(7, pack(">L", 0), id="ext-info"),
        pytest.param(79, b"", id="unknown"),
        pytest.param(80, NS(b"tcpip-forward") + b"\1", id="tcpip-forward"),
        pytest.param(80, NS(b"keepalive@openssh.com") + b"\0", id="keepalive"),
        pytest.param(81, b"", id="unsolicited-success"),
        pytest.param(82, b"", id="unsolicited-failure"),
        pytest.param(90, NS(b"direct-tcpip") + pack(">3L", 0, 1000, 32768), id="direct-tcpip"),
        pytest.param(90, NS(b"session") + pack(">3L", 0, 1000, 0), id="sessions-that-cannot-be"),
        pytest.param(95, pack(">2L", 0, 1) + NS(b"x"), id="errors-for-git"),
        pytest.param(98, pack(">L", 0) + NS(b"x11-req") + b"\1", id="refused-requests"),
        pytest.param(50, b"", id="logins-after-the-login"),
    ],
)
def test_who_floods_the_server_with_what_asks_for_nothing_is_disconnected(
    line: Any, message: int, payload: bytes
) -> None:
    """CVE-2026-39827, CVE-2026-39830: 100,000 channels that are refused, or answers that nobody waits for. Each costs
    the server some work, and peers have kept some memory for each."""
    line.log_in()
    line.open_session()
    for _ in range(990):
        line.client.sendPacket(message, payload)
    line.carry()
    assert not line.server_socket.is_closed

    for _ in range(20):
        line.client.sendPacket(message, payload)
    line.carry()

    assert reason(line) == USELESS


def test_who_sends_such_messages_now_and_then_stays(make_line: Any, gateway: Any) -> None:
    """`ServerAliveInterval 1`, for an hour."""
    line = make_line(gateway, idle_deadline=Duration.parse("2h"))
    line.log_in()
    for _ in range(3600):
        line.clock.advance(1)
        line.send(80, NS(b"keepalive@openssh.com") + b"\1")

    assert not line.server_socket.is_closed


def test_thousands_of_sessions_cost_ten(line: Any) -> None:
    """5,000 sessions were opened on one connection, and kept."""
    line.log_in()
    for number in range(5000):
        line.client.sendPacket(90, NS(b"session") + pack(">3L", number, 1000, 32768))
    line.carry()

    assert [message for message, _ in line.take()] == [91] * 10 + [92] * 1000 + [DISCONNECT]


def test_the_number_of_sessions_can_be_set(make_line: Any, gateway: Any) -> None:
    line = make_line(gateway, max_sessions=1)
    line.log_in()
    for number in range(2):
        line.send(90, NS(b"session") + pack(">3L", number, 1000, 32768))

    assert [message for message, _ in line.take()] == [91, 92]


@pytest.mark.parametrize("payload", [NS(b"x" * 30_000), NS(b"")], ids=["large", "small"])
def test_before_the_login_64_kib_are_looked_at_and_no_more(line: Any, payload: bytes) -> None:
    """No byte before a decision: whoever has not logged in gets 64 KiB of our attention, whatever they are spent on."""
    line.begin_login()
    while not line.server_socket.is_closed:
        line.client.sendPacket(2, payload)
        line.carry()

    assert line.server.bytes_taken < 64 * 1024 + 35_000
    assert reason(line) in (b"more than 65536 bytes, and no login", USELESS)


def test_what_was_spent_on_the_login_is_no_limit_for_what_follows(line: Any, running: Any) -> None:
    run = running()
    for _ in range(100):
        line.send(94, pack(">L", 0) + NS(b"x" * 32_768))

    assert run.git.calls.count(b"x" * 32_768) == 100


def test_who_asks_for_new_keys_again_and_again_is_disconnected(line: Any) -> None:
    """Each exchange costs the server a signature and two secrets; the client can leave out most of it."""
    line.log_in()
    exchanges = 0
    while not line.server_socket.is_closed:
        line.client.sendKexInit()
        line.carry()
        exchanges += 1

    assert exchanges == 11
    assert reason(line) == b"new keys are asked for too often"


def test_who_asks_for_new_keys_after_much_data_may_do_so_for_ever(line: Any, running: Any) -> None:
    """OpenSSH with `RekeyLimit 1M`."""
    running()
    for _ in range(30):
        for _ in range(10):
            line.send(94, pack(">L", 0) + NS(b"x" * 32_768))
        line.client.sendKexInit()
        line.carry()

    assert not line.server_socket.is_closed


def test_what_waits_for_the_end_of_a_key_exchange_is_bounded(make_line: Any, gateway: Any) -> None:
    """CVE-2025-22869, the other way round: the server wants new keys, and a client that never agrees goes on asking
    for what has an answer."""
    line = make_line(gateway, rekey_interval=Duration.parse("1s"))
    line.log_in()
    line.open_session()
    line.clock.advance(2)
    for _ in range(1100):
        line.client.sendPacket(98, line.channel_request(0, b"env", NS(b"GIT_PROTOCOL") + NS(b"version=2")))
    sent = bytes(line.client_socket.sent)
    line.server.dataReceived(sent)
    line.client_socket.sent.clear()
    line.carry()

    assert reason(line) == b"too much waits for the end of a key exchange"


def test_the_server_asks_for_new_keys_after_some_data(make_line: Any, gateway: Any, running: Any) -> None:
    line = make_line(gateway, rekey_bytes=Size.parse("1MiB"))
    line.log_in()
    line.execute(line.open_session(), b"git-receive-pack '/a.git'")
    first = line.server.nextEncryptions
    for _ in range(40):
        line.client.sendIgnore(b"x" * 30_000)
    line.carry()

    assert line.server.nextEncryptions is not first
    assert line.server.bytes_under_key < 2**20
    assert not line.server_socket.is_closed


def test_the_server_asks_for_new_keys_after_some_time(make_line: Any, gateway: Any) -> None:
    line = make_line(gateway, rekey_interval=Duration.parse("1m"), idle_deadline=Duration.parse("1h"))
    line.log_in()
    seen = []
    for _ in range(4):
        line.clock.advance(40)
        line.send(2, NS(b""))
        seen.append(line.server.nextEncryptions)

    assert [seen[0] is seen[1], seen[1] is seen[2], seen[2] is seen[3]] == [False, True, False]
