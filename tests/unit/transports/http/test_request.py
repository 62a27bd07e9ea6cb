"""One request between the client, the gateway and git."""

import gzip
import os

import pytest
from twisted.internet.defer import Deferred

from gitgate.plugin import Access, GitRequest, Password, Peer, Service, Transport
from gitgate.refusals import AccessDenied, CredentialsRequired

NEVER_CACHED = (
    b"Expires: Fri, 01 Jan 1980 00:00:00 GMT\r\n"
    b"Pragma: no-cache\r\n"
    b"Cache-Control: no-cache, max-age=0, must-revalidate\r\n"
)


def without_date(answer: bytes) -> bytes:
    head, _, rest = answer.partition(b"\r\nDate: ")
    return head + b"\r\n" + rest.partition(b"\r\n")[2] if rest else answer


def test_the_gateway_is_asked_what_the_client_asks(conversation, push):
    conversation.send(
        *push, b"Git-Protocol: version=1", b"Authorization: Basic YWxpY2U6YTpi", b"Content-Length: 4", body=b"0000"
    )
    ((request, login),) = conversation.gateway.served
    assert request == GitRequest(
        request_id=request.request_id,
        peer=Peer(transport=Transport.HTTP, address="192.168.1.1", port=54321, encrypted=False),
        service=Service.RECEIVE_PACK,
        path="/r.git",
        protocol=1,
        host="git.example.org",
        access=Access.WRITE,
        username="alice",
    )
    assert login.identity.name == "alice"
    assert conversation.gateway.credentials == [Password(username="alice", password="a:b")]
    assert conversation.gateway.exchanges == ["stateless"]


def test_without_an_authorization_header_nobody_is_logged_in(conversation, discover):
    conversation.send(*discover)
    ((_, login),) = conversation.gateway.served
    assert login.identity.is_anonymous
    assert conversation.gateway.exchanges == ["advertisement"]


def test_a_name_without_a_password_is_not_even_the_name_in_the_url(conversation, discover):
    conversation.send(*discover, b"Authorization: Basic YWxpY2U6")
    ((request, login),) = conversation.gateway.served
    assert (request.username, login.identity.is_anonymous) == (None, True)
    assert conversation.gateway.credentials == []


@pytest.mark.parametrize(
    ("host", "expected"), [(b"git_1:8080", None), (b"", None), (b"[::1]:80", "[::1]:80"), (b"a" * 256, None)]
)
def test_a_host_that_cannot_be_one_is_not_passed_on(conversation, discover, host, expected):
    conversation.send(discover[0], b"Host: " + host)
    assert conversation.gateway.served[0][0].host == expected


def test_an_advertisement_starts_with_its_service(conversation, discover):
    conversation.send(*discover)
    assert conversation.gateway.git.finished
    conversation.gateway.git.client.write(b"refs")
    conversation.gateway.git.end()
    assert without_date(conversation.answer()) == (
        b"HTTP/1.1 200 OK\r\n"
        + NEVER_CACHED
        + b"Content-Type: application/x-git-upload-pack-advertisement\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"22\r\n001e# service=git-upload-pack\n0000\r\n4\r\nrefs\r\n0\r\n\r\n"
    )


def test_with_protocol_2_it_does_not(conversation, discover):
    conversation.send(*discover, b"Git-Protocol: version=2")
    conversation.gateway.git.client.write(b"caps")
    conversation.gateway.git.end()
    assert conversation.answer().endswith(b"\r\n\r\n4\r\ncaps\r\n0\r\n\r\n")


def test_the_answer_to_head_has_no_body(conversation, discover):
    conversation.send(discover[0].replace(b"GET", b"HEAD"), discover[1])
    conversation.gateway.git.client.write(b"refs")
    conversation.gateway.git.end()
    assert without_date(conversation.answer()) == (
        b"HTTP/1.1 200 OK\r\n" + NEVER_CACHED + b"Content-Type: application/x-git-upload-pack-advertisement\r\n\r\n"
    )


def test_http_1_0_gets_its_answer_until_the_end_of_the_connection(conversation, discover):
    conversation.send(discover[0].replace(b"1.1", b"1.0"))
    conversation.gateway.git.client.write(b"refs")
    conversation.gateway.git.end()
    answer = conversation.answer()
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"Transfer-Encoding" not in answer
    assert answer.endswith(b"\r\n\r\n001e# service=git-upload-pack\n0000refs")
    assert conversation.transport.disconnecting


def test_a_body_reaches_git_with_its_end(conversation, fetch):
    conversation.send(*fetch, b"Content-Length: 8", body=b"0000")
    git = conversation.gateway.git
    assert (git.taken, git.finished) == (b"0000", False)
    conversation.send_raw(b"0009")
    assert (git.taken, git.finished) == (b"00000009", True)
    git.client.write(b"pack")
    git.end()
    assert without_date(conversation.answer()) == (
        b"HTTP/1.1 200 OK\r\n"
        + NEVER_CACHED
        + b"Content-Type: application/x-git-upload-pack-result\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"4\r\npack\r\n0\r\n\r\n"
    )


def test_a_body_whose_length_is_told_can_be_sent_again_and_one_in_chunks_cannot(conversation, fetch):
    """git makes the latter while it sends (remote-curl.c, "large_request")."""
    conversation.send(*fetch, b"Content-Length: 4", body=b"0000")
    assert conversation.gateway.can_repeat
    conversation.gateway.git.end()
    conversation.send(*fetch, b"Transfer-Encoding: chunked", body=b"4\r\n0000\r\n0\r\n\r\n")
    assert not conversation.gateway.can_repeat


def test_a_chunked_and_compressed_body_reaches_git_as_it_was(conversation, fetch):
    compressed = gzip.compress(b"0000" * 50)
    conversation.send(*fetch, b"Transfer-Encoding: chunked", b"Content-Encoding: x-gzip")
    for byte in compressed:
        conversation.send_raw(b"1\r\n%c\r\n" % byte)
    conversation.send_raw(b"0\r\n\r\n")
    assert (conversation.gateway.git.taken, conversation.gateway.git.finished) == (b"0000" * 50, True)


def test_nothing_is_read_before_the_decision(conversation, push):
    """A client without any right sends 10 GB: they stay with it, and nothing of them is kept here."""
    conversation.gateway.undecided = Deferred()
    conversation.send(*push, b"Content-Length: 10000000000", body=b"0000")
    assert not conversation.reading
    conversation.gateway.undecided.callback(None)
    assert conversation.reading
    assert conversation.gateway.git.taken == b"0000"


def test_a_refusal_is_told_while_the_client_still_sends(conversation, push):
    conversation.gateway.refusal = CredentialsRequired("x")
    conversation.send(*push, b"Content-Length: 10000000000", body=b"0000")
    answer = conversation.answer()
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b'\r\nWWW-Authenticate: Basic realm="git", charset="UTF-8"\r\n' in answer
    assert b"\r\nConnection: close\r\n" in answer


def test_an_expectation_is_answered_only_after_the_decision(conversation, push):
    conversation.gateway.undecided = Deferred()
    conversation.send(*push, b"Expect: 100-Continue", b"Content-Length: 4")
    assert conversation.answer() == b""
    conversation.gateway.undecided.callback(None)
    assert conversation.answer() == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_an_expectation_is_answered_with_the_refusal_where_there_is_one(conversation, push):
    conversation.gateway.refusal = AccessDenied("x", message="Not you.")
    conversation.send(*push, b"Expect: 100-continue", b"Content-Length: 4")
    answer = conversation.answer()
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert answer.endswith(b"\r\n\r\nNot you.\n")


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_an_expectation_that_needs_no_answer_gets_none(conversation, push, version):
    body = b"0000" if version == b"HTTP/1.1" else b""
    conversation.gateway.undecided = Deferred()
    conversation.send(
        push[0].replace(b"HTTP/1.1", version), *push[1:], b"Expect: 100-continue", b"Content-Length: 8", body=body
    )
    conversation.gateway.undecided.callback(None)
    assert conversation.answer() == b""


def test_a_git_that_does_not_keep_up_pauses_the_client(conversation, push):
    conversation.gateway.room = 4
    conversation.send(*push, b"Content-Length: 12", body=b"00000")
    assert not conversation.reading
    conversation.gateway.git.take(4)
    assert conversation.reading
    conversation.send_raw(b"0000000")
    assert not conversation.reading
    assert not conversation.gateway.git.finished
    conversation.gateway.git.take(4)
    assert (conversation.gateway.git.taken, conversation.gateway.git.finished) == (b"0" * 12, True)


def test_a_bomb_is_inflated_as_fast_as_git_reads(conversation, push):
    """Some KiB that inflate to 4 MiB: git takes little, and the rest stays compressed."""
    conversation.gateway.room = 65536
    compressed = gzip.compress(b"0000" * (2**20 - 2**14) + os.urandom(2**16))
    conversation.send(*push, b"Content-Encoding: gzip", b"Content-Length: %d" % len(compressed), body=compressed)
    git = conversation.gateway.git
    assert (len(git.taken), git.finished, conversation.reading) == (65536, False, False)
    git.take(2**22)
    assert (len(git.taken), git.finished) == (2**22, True)


def test_a_client_that_does_not_keep_up_pauses_git(conversation, fetch):
    conversation.send(*fetch, b"Content-Length: 4", body=b"0000")
    git = conversation.gateway.git
    conversation.channel.pauseProducing()
    assert git.paused
    conversation.channel.resumeProducing()
    assert not git.paused


def test_a_client_that_reads_again_does_not_make_git_take_more(conversation, push):
    """git is full; the client takes the answer slowly. Each time that it had taken some, one more read would come."""
    conversation.gateway.room = 4
    conversation.send(*push, b"Content-Length: 100", body=b"0000")
    conversation.channel.pauseProducing()
    conversation.channel.resumeProducing()
    assert not conversation.reading


@pytest.mark.parametrize("body", [b"zzzz", b"no pkt-line", b"0003", b"GET /"])
def test_a_body_that_is_not_gits_is_malformed(conversation, fetch, body):
    conversation.send(*fetch, b"Content-Length: %d" % len(body), body=body)
    assert conversation.gateway.git.finished
    conversation.gateway.git.end(128)
    assert conversation.status() == 400


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:30] + b"x" + b[31:], lambda b: b + b"x"])
def test_a_damaged_compressed_body_is_malformed(conversation, fetch, damage):
    body = damage(gzip.compress(b"0000" * 100, mtime=0))
    conversation.send(*fetch, b"Content-Encoding: gzip", b"Content-Length: %d" % len(body), body=body)
    assert conversation.gateway.git.finished
    conversation.gateway.git.client.write(b"what git makes of it")
    conversation.gateway.git.end(128)
    answer = conversation.answer()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"what git makes of it" not in answer


def test_a_git_that_fails_before_it_speaks_is_no_success(conversation, discover):
    conversation.send(*discover)
    conversation.gateway.git.client.write_error(b"fatal: the repository is broken in /srv/git/r.git\n")
    conversation.gateway.git.end(128)
    answer = conversation.answer()
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b"/srv/git" not in answer


def test_a_git_that_says_nothing_and_succeeds_is_a_success(conversation, push):
    conversation.send(*push, b"Content-Length: 4", body=b"0000")
    conversation.gateway.git.end(0)
    assert conversation.status() == 200


def test_what_git_has_said_of_its_failure_arrives_whole(conversation, fetch):
    conversation.send(*fetch, b"Content-Length: 4", body=b"0000")
    conversation.gateway.git.client.write(b"0011ERR not here")
    conversation.gateway.git.end(128)
    assert conversation.answer().endswith(b"\r\n\r\n10\r\n0011ERR not here\r\n0\r\n\r\n")


@pytest.mark.parametrize(("code", "silent"), [(-9, False), (128, True)])
def test_a_git_that_was_ended_leaves_the_answer_without_its_last_chunk(conversation, fetch, code, silent):
    conversation.send(*fetch, b"Content-Length: 4", body=b"0000")
    conversation.gateway.git.client.write(b"PACK")
    conversation.gateway.git.end(code, silent=silent)
    assert conversation.answer().endswith(b"\r\n\r\n4\r\nPACK\r\n")
    assert conversation.transport.disconnecting


def test_when_the_client_goes_the_gateway_is_told(conversation, push):
    conversation.send(*push, b"Content-Length: 100", body=b"0000")
    conversation.gateway.git.client.write(b"some")
    conversation.answer()
    conversation.channel.connectionLost(None)
    assert conversation.gateway.cancelled == 1
    conversation.gateway.git.client.write(b"more")
    conversation.gateway.git.client.pauseProducing()
    assert conversation.answer() == b""


def test_when_the_client_goes_before_the_decision_no_git_starts(conversation, push):
    conversation.gateway.undecided = Deferred()
    conversation.send(*push, b"Content-Length: 100", body=b"0000")
    conversation.channel.connectionLost(None)
    assert (conversation.gateway.cancelled, conversation.gateway.gits) == (1, [])


def test_a_fault_of_gitgate_itself_in_the_middle_of_an_answer_is_not_written_into_it(conversation, fetch):
    conversation.send(*fetch, b"Content-Length: 4", body=b"0000")
    conversation.gateway.git.client.write(b"PACK")
    conversation.gateway.git.ended.errback(RuntimeError("a bug"))
    assert conversation.answer().endswith(b"\r\n\r\n4\r\nPACK\r\n")
    assert conversation.transport.disconnecting


def test_a_fault_of_gitgate_itself_is_told_and_logged(conversation, discover, caplog):
    async def broken(*arguments, **options):
        raise RuntimeError("a bug")

    conversation.gateway.serve = broken
    conversation.send(*discover)
    assert conversation.status() == 500
    assert "a bug" in caplog.text
