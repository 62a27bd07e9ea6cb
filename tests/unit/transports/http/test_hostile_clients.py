"""Clients that want to be waited for, that want too much, and that guess."""

import gzip
import os
from dataclasses import replace

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from gitgate.config import Limits
from gitgate.config.source_limits import MaxStartups
from gitgate.plugin import Duration, Size
from gitgate.refusals import CredentialsRefused, CredentialsRequired, RepositoryNotFound
from gitgate.transports.connections import TurnedAway
from gitgate.transports.penalties import Offence

LONGEST_FETCH = 10 * 2**20
HERE = IPv4Address("TCP", "192.168.1.1", 50000)


@pytest.fixture
def limited(conversation):
    """Makes a connection to a server with other limits."""
    return lambda **limits: replace(conversation, limits=Limits(**limits), transport=StringTransport())


@pytest.fixture
def offences(conversation, monkeypatch):
    """What the client's source was blamed for."""
    blamed = []
    monkeypatch.setattr(conversation.connections, "blame", lambda peer, offence: blamed.append(offence))
    return blamed


def aborted(conversation) -> bool:
    return conversation.transport.disconnected


@pytest.mark.parametrize("expectation", [b"", b"200-ok", b"100-continue, x", b"x"])
def test_an_expectation_that_is_not_known_cannot_be_met(conversation, push, expectation):
    conversation.send(*push, b"Expect: " + expectation, b"Content-Length: 4", body=b"0000")
    assert conversation.status() == 417
    assert conversation.gateway.served == []


def test_a_push_of_a_byte_now_and_then_is_ended(conversation, push):
    """Slow body: a byte each minute is never silence, and holds a git, its quarantine and a connection for ever."""
    conversation.send(*push, b"Content-Length: 1000000", body=b"0000")
    for _ in range(120):
        assert not aborted(conversation)
        conversation.send_raw(b"x")
        conversation.clock.advance(1)
    assert aborted(conversation)


def test_a_push_over_a_slow_line_is_not(conversation, push):
    conversation.send(*push, b"Content-Length: 100000000", body=b"0000")
    for _ in range(600):
        conversation.send_raw(bytes(600))
        conversation.clock.advance(1)
    assert not aborted(conversation)


def test_a_client_does_not_pay_for_a_git_that_takes_nothing(conversation, push):
    conversation.gateway.room = 4
    conversation.send(*push, b"Content-Length: 1000", body=b"0000")
    conversation.clock.advance(1000)  # git's own idle deadline counts
    assert not aborted(conversation)
    conversation.gateway.git.take(4)
    conversation.clock.advance(120)
    assert aborted(conversation)


def test_a_client_that_has_sent_all_is_waited_for_no_more(conversation, fetch):
    conversation.send(*fetch, b"Content-Length: 4", body=b"0000")
    conversation.clock.advance(1000)
    assert not aborted(conversation)


def test_a_client_that_takes_its_answer_too_slowly_is_disconnected(conversation, fetch, caplog):
    """Slow read: git waits for ever on a client that takes a byte now and then."""
    caplog.set_level("INFO")
    conversation.send(*fetch, b"Content-Length: 4", body=b"0000")
    conversation.channel.pauseProducing()
    conversation.clock.advance(119)
    conversation.channel.resumeProducing()
    conversation.clock.advance(1000)
    conversation.channel.pauseProducing()
    conversation.clock.advance(119)
    assert not aborted(conversation)
    conversation.clock.advance(1)
    assert aborted(conversation)
    assert "http 192.168.1.1: closed, it takes too slowly" in caplog.text


def test_a_request_has_an_end_however_fast_it_is(limited, push):
    """A body that never ends, at full speed: a day of it is enough; here, ten minutes."""
    conversation = limited(transfer_deadline=Duration.parse("10m"))
    conversation.send(*push, b"Transfer-Encoding: chunked")
    for _ in range(9):
        conversation.send_raw(b"10000\r\n" + b"0" * 65536 + b"\r\n")
        conversation.clock.advance(60)
    assert not aborted(conversation)
    conversation.clock.advance(60)
    assert aborted(conversation)


def test_a_refused_push_is_not_read_for_ever(conversation, push):
    """git has refused the pack, and its client may send the rest of it: at a byte each second, that is for ever."""
    conversation.send(*push, b"Content-Length: 1000000000", body=b"0000")
    conversation.gateway.git.client.write(b"unpack index-pack failed")
    conversation.gateway.git.end()
    for _ in range(120):
        assert not aborted(conversation)
        conversation.send_raw(b"x")
        conversation.clock.advance(1)
    assert aborted(conversation)


def test_a_fetch_that_says_more_than_any_client_would_is_too_large(conversation, fetch):
    """A hundred kilobytes of gzip are ten megabytes for git; a hundred such requests keep it busy for an hour."""
    bomb = gzip.compress(b"0032have " + b"0" * (LONGEST_FETCH + 1) + os.urandom(110_000))
    conversation.send(*fetch, b"Content-Encoding: gzip", b"Content-Length: %d" % len(bomb), body=bomb)
    git = conversation.gateway.git
    assert git.finished
    assert len(git.taken) <= LONGEST_FETCH
    git.end(128)
    assert conversation.status() == 413


def test_a_push_may_be_as_long_as_it_is(conversation, push):
    body = gzip.compress(b"0" * (LONGEST_FETCH - 110_000) + os.urandom(110_001))
    conversation.send(*push, b"Content-Encoding: gzip", b"Content-Length: %d" % len(body), body=body)
    assert len(conversation.gateway.git.taken) == LONGEST_FETCH + 1


def test_how_much_a_head_may_hold_and_a_connection_may_ask_is_for_the_operator(limited, discover, fetch):
    few = {"max_headers": 3, "max_requests": 2, "max_header_bytes": Size(2048), "max_fetch_request": Size(8)}
    for lines, status in (
        ([*discover, b"A: 1", b"B: 2"], 404),
        ([*discover, b"A: 1", b"B: 2", b"C: 3"], 400),
        ([*discover, b"A: " + b"a" * 1900], 404),
        ([*discover, b"A: " + b"a" * 1000, b"B: " + b"b" * 1000], 400),
        ([*discover, b"A: " + b"a" * 3000], 431),
        ([b"GET /" + b"a" * 3000 + b" HTTP/1.1"], 414),
    ):
        conversation = limited(**few)
        conversation.gateway.refusal = RepositoryNotFound("x")
        conversation.send(*lines)
        assert conversation.status() == status
    asking = limited(**few)
    asking.gateway.refusal = RepositoryNotFound("x")
    asking.send(*discover)
    asking.send(*discover)
    assert asking.answer().count(b"Connection: close") == 1
    asking = limited(**few)
    asking.gateway.refusal = None
    asking.send(*fetch, b"Content-Length: 9", body=b"0000" + b"0000" + b"0")
    asking.gateway.git.end(128)
    assert asking.status() == 413


def test_a_body_in_chunks_has_no_trailers(conversation, fetch):
    """A line each of 22,000 trailers took 2 MiB of memory, four times what a connection may cost."""
    conversation.send(*fetch, b"Transfer-Encoding: chunked", body=b"4\r\n0000\r\n0\r")
    conversation.send_raw(b"\n\r")
    conversation.send_raw(b"\n")
    conversation.gateway.git.end()
    assert conversation.status() == 200
    conversation.send(*fetch, b"Transfer-Encoding: chunked", body=b"4\r\n0000\r\n0\r\na: b\r\n")
    conversation.gateway.git.end(128)
    assert conversation.status() == 400


def test_a_connection_has_a_last_request(conversation, discover):
    conversation.gateway.refusal = RepositoryNotFound("x")
    for _ in range(999):
        conversation.send(*discover)
        conversation.clock.advance(0)
    assert b"Connection: close" not in conversation.answer()
    conversation.send(*discover)
    assert b"\r\nConnection: close\r\n" in conversation.answer()
    assert conversation.transport.disconnecting


def test_answers_that_nobody_takes_are_not_piled_up(conversation, discover):
    """Pipelining: a thousand requests fit into one packet, and their answers, of a page each, would all be kept in
    memory for a client that reads none of them."""
    conversation.gateway.refusal = RepositoryNotFound("x")
    conversation.channel.pauseProducing()  # what a full socket calls
    conversation.send_raw(b"\r\n".join([*discover, b"", b""]) * 50)
    assert conversation.answer().count(b"404 Not Found") == 1
    conversation.channel.resumeProducing()
    for _ in range(3):
        conversation.clock.advance(0)
    assert conversation.answer().count(b"404 Not Found") == 49
    assert conversation.reading


def test_who_asks_many_things_at_once_waits_a_turn_now_and_then(conversation, discover):
    """Pipelining: hundreds of requests in one read, each answered from memory, held up everybody else meanwhile."""
    conversation.gateway.refusal = RepositoryNotFound("x")
    conversation.send_raw(b"\r\n".join([*discover, b"", b""]) * 40)
    assert conversation.answer().count(b"404 Not Found") == 16
    conversation.clock.advance(0)
    assert conversation.answer().count(b"404 Not Found") == 24


def test_who_leaves_while_waiting_for_a_turn_leaves_nothing_behind(conversation, discover):
    conversation.gateway.refusal = RepositoryNotFound("x")
    conversation.send_raw(b"\r\n".join([*discover, b"", b""]) * 40)
    conversation.channel.connectionLost(None)
    assert not conversation.clock.getDelayedCalls()


@pytest.mark.parametrize(("chunk", "size"), [(b"1\r\nx\r\n", 4096), (b"800\r\n" + b"x" * 2048 + b"\r\n", 65536)])
def test_a_body_in_tiny_chunks_is_read_in_small_pieces(conversation, push, chunk, size):
    """Each chunk is work: 64 KiB in chunks of one byte held everybody up for a tenth of a second, and git got each byte
    by itself."""
    conversation.send(*push, b"Transfer-Encoding: chunked", body=b"4\r\n0000\r\n")
    writes = []
    conversation.gateway.git.write = writes.append
    conversation.send_raw(chunk * 20)
    assert (conversation.transport.bufferSize, len(writes)) == (size, 1)
    conversation.send_raw(b"0\r\n\r\n")
    conversation.gateway.git.end()
    assert conversation.transport.bufferSize == 4096


def test_a_client_that_leaves_before_it_has_taken_its_answer_leaves_nothing_behind(conversation, discover):
    conversation.channel.pauseProducing()
    conversation.send(*discover)
    conversation.gateway.git.end()
    conversation.channel.connectionLost(None)
    assert conversation.clock.getDelayedCalls() == []


def test_a_last_answer_that_is_taken_slowly_arrives_whole(conversation, discover):
    """The connection is closed once all is taken, and not when the time for the next request is over."""
    conversation.channel.pauseProducing()
    conversation.send(*discover, b"Connection: close")
    conversation.gateway.git.client.write(b"refs")
    conversation.gateway.git.end()
    conversation.clock.advance(100)
    assert not conversation.transport.disconnecting
    conversation.channel.resumeProducing()
    assert conversation.transport.disconnecting


def test_a_client_whose_time_is_over_is_not_given_it_again_to_say_goodbye(conversation):
    """A TLS client need not answer the end of the connection, and was held on to for the same time once more."""
    conversation.clock.advance(30)
    assert (conversation.transport.disconnecting, aborted(conversation)) == (True, False)
    conversation.clock.advance(2)
    assert aborted(conversation)


# What its source pays for.


def test_a_wrong_password_costs_the_connection_and_is_remembered(conversation, discover, offences):
    """Guessing: a thousand passwords over one connection, which no limit at the door would ever see."""
    conversation.gateway.refusal = CredentialsRefused("wrong")
    conversation.send(*discover, b"Authorization: Basic YWxpY2U6eA==")
    answer = conversation.answer()
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b"\r\nConnection: close\r\n" in answer
    assert conversation.transport.disconnecting
    assert offences == [Offence.LOGIN_REFUSED]


def test_to_be_asked_for_a_password_costs_nothing(conversation, discover, offences):
    """git always asks without one first."""
    conversation.gateway.refusal = CredentialsRequired("x")
    conversation.send(*discover)
    assert conversation.status() == 401
    assert not conversation.transport.disconnecting
    assert offences == []


@pytest.mark.parametrize(
    "lines", [[b"GET / HTTP/2.0"], [b"\x16\x03\x01\x02\0"], [b"GET / HTTP/1.1", b"no colon"], [b"GET /" + b"a" * 20000]]
)
def test_what_is_no_http_is_an_offence(conversation, lines, offences):
    conversation.send(*lines)
    assert offences == [Offence.MALFORMED]


@pytest.mark.parametrize("target", [b"/", b"/favicon.ico", b"/r.git/HEAD", b"/../r.git/info/refs"])
def test_to_ask_for_what_is_not_served_is_none(conversation, target, offences):
    """A browser, or a monitor that looks whether the server lives."""
    conversation.send(b"GET " + target + b" HTTP/1.1", b"Host: x")
    conversation.answer()
    assert offences == []


def test_headers_that_never_come_are_one(conversation, offences):
    conversation.send_raw(b"GET /")
    conversation.clock.advance(30)
    assert offences == [Offence.NO_LOGIN_IN_TIME]


def test_to_stay_connected_after_a_request_is_none(conversation, discover, offences):
    conversation.gateway.refusal = RepositoryNotFound("x")
    conversation.send(*discover)
    conversation.clock.advance(30)
    assert conversation.transport.disconnecting
    assert offences == []


def test_a_connection_is_a_startup_until_its_first_request_is_decided(limited, discover):
    conversation = limited(max_startups=MaxStartups("1:100:1"))
    before = conversation.connections.admit(HERE)
    conversation.send(*discover)
    assert (before, conversation.connections.admit(HERE)) == (TurnedAway.FULL, None)


def test_who_is_turned_away_is_told_for_how_long(limited):
    conversation = limited(per_source_max_connections=1)
    refused = StringTransport()
    conversation.site.buildProtocol(HERE).makeConnection(refused)
    assert refused.value().startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nRetry-After: 10\r\n" in refused.value()
    assert refused.disconnecting
