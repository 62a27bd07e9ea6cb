"""Requests that are broken, on purpose or not: an answer with a status, no git, no traceback."""

import pytest

HOST = b"Host: x"
GET = b"GET /r.git/info/refs?service=git-upload-pack HTTP/1.1"
POST = b"POST /r.git/git-upload-pack HTTP/1.1"
TYPE = b"Content-Type: application/x-git-upload-pack-request"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([GET], 400),
        ([GET, HOST, HOST], 400),
        ([GET.replace(b"/r.git", b"http://evil/r.git"), HOST], 400),
        ([GET.replace(b"/r.git", b"r.git"), HOST], 400),
        ([GET.replace(b"r.git", b"%2e%2e/r.git"), HOST], 400),
        ([GET.replace(b"r.git", b"r%00.git"), HOST], 400),
        ([GET.replace(b"r.git", b"r\x90.git"), HOST], 400),
        ([GET.replace(b" HTTP/1.1", b""), HOST], 400),
        ([GET.replace(b"1.1", b"2.0"), HOST], 400),
        ([GET, HOST, b"no colon"], 400),
        ([GET, HOST, b"Bad Name: x"], 400),
        ([GET, HOST, b"X: a\0b"], 400),
        ([GET, HOST, b"Git-Protocol: version=2", b" :version=1"], 400),
        ([GET, HOST, *[b"X-%d: y" % n for n in range(101)]], 400),
        ([GET, HOST, *[b"X: " + b"y" * 1000] * 20], 400),
        ([GET, HOST, b"X: " + b"y" * 20_000], 431),
        ([b"GET /" + b"a" * 20_000 + b" HTTP/1.1", HOST], 414),
        ([GET, HOST, b"Authorization: Basic YTpi", b"Authorization: Basic YTpi"], 400),
        ([GET, HOST, b"Authorization: Basic !!!!"], 401),
        ([GET, HOST, b"Content-Length: 3"], 400),
        ([POST, HOST, TYPE, b"Content-Length: -1"], 400),
        ([POST, HOST, TYPE, b"Content-Length: +5"], 400),
        ([POST, HOST, TYPE, b"Content-Length: 0x5"], 400),
        ([POST, HOST, TYPE, b"Content-Length: " + b"1" * 5000], 400),
        ([POST, HOST, TYPE, b"Content-Length: 5", b"Content-Length: 5"], 400),
        ([POST, HOST, TYPE, b"Content-Length: 5", b"Transfer-Encoding: chunked"], 400),
        ([POST, HOST, TYPE, b"Transfer-Encoding: gzip"], 400),
        ([POST, HOST, TYPE, b"Transfer-Encoding: identity"], 400),
        ([POST, HOST, TYPE, b"Transfer-Encoding: chunked, chunked"], 400),
        ([POST.replace(b"1.1", b"1.0"), HOST, TYPE, b"Transfer-Encoding: chunked"], 400),
        ([POST, HOST, b"Content-Length: 4"], 415),
        ([POST, HOST, b"Content-Type: text/plain", b"Content-Length: 4"], 415),
        ([POST, HOST, TYPE.replace(b"upload", b"receive"), b"Content-Length: 4"], 415),
        ([POST, HOST, TYPE, TYPE, b"Content-Length: 4"], 400),
        ([POST, HOST, TYPE, b"Content-Encoding: br", b"Content-Length: 4"], 415),
        ([POST, HOST, TYPE, b"Content-Encoding: gzip, gzip", b"Content-Length: 4"], 415),
        ([b"OPTIONS * HTTP/1.1", HOST], 405),
        ([b"TRACE / HTTP/1.1", HOST], 405),
        ([b"CONNECT example.org:443 HTTP/1.1", HOST], 405),
        ([b"PUT /r.git/git-receive-pack HTTP/1.1", HOST, b"Content-Length: 4"], 405),
        ([b"GET / HTTP/1.1", HOST], 404),
        ([b"PRI * HTTP/2.0"], 400),
        ([b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"], 400),
    ],
)
def test_a_broken_request_gets_its_status_and_nothing_is_run(conversation, lines, status):
    conversation.send(*lines)
    answer = conversation.answer()
    assert int(answer.split(b" ", 2)[1]) == status
    assert answer.count(b"HTTP/1.") == 1
    assert b"\r\nContent-Type: text/plain; charset=utf-8\r\n" in answer
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in answer
    assert (conversation.gateway.served, conversation.gateway.credentials) == ([], [])
    assert len(conversation.gateway.malformed_for) == 1


@pytest.mark.parametrize(
    ("beginning", "client"),
    [
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "a TLS client"),
        (b"003c", "a git:// client"),
        (b"SSH-2.0-x\r\n", "an ssh client"),
    ],
)
def test_who_speaks_another_protocol_is_not_waited_for(conversation, beginning, client):
    """1. A TLS client, whose first message has no end of a line, connects to an http port. 2. Its user waits for half a
    minute, until the deadline, and nothing is logged."""
    conversation.send_raw(beginning)
    conversation.send_raw(b"git-upload-pack /r.git\0host=h\0\n\r\n\r\n")
    answer = conversation.answer()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.") == 1
    [reason] = conversation.gateway.malformed_for
    assert reason.startswith(f"{client} on an http:// port: ")
    conversation.clock.advance(2)
    assert conversation.transport.disconnecting


def test_nothing_of_a_request_is_reflected(conversation):
    """CVE-2022-39348: what an error page quotes, the attacker wrote, and the victim's browser runs."""
    conversation.send(b"GET /<script>alert(1)</script> HTTP/1.1", b"Host: <script>")
    assert b"script" not in conversation.answer()


def test_the_methods_that_would_do_are_named(conversation):
    conversation.send(b"GET /r.git/git-upload-pack HTTP/1.1", HOST)
    assert b"\r\nAllow: POST\r\n" in conversation.answer()


@pytest.mark.parametrize(
    "chunk", [b"zz\r\n", b"0x4\r\n0000", b"4\r\n0000xx", b"-4\r\n", b"4;a\nb\r\n0000", b"4" * 2000]
)
def test_a_broken_chunk_ends_gits_input_and_the_client_is_told(conversation, fetch, chunk):
    conversation.send(*fetch, b"Transfer-Encoding: chunked", body=b"4\r\n0000\r\n")
    conversation.send_raw(chunk)
    assert conversation.gateway.git.finished
    conversation.gateway.git.end(128)
    answer = conversation.answer()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_what_follows_a_broken_request_is_not_served(conversation, discover):
    """CVE-2022-24801: what a proxy took for the body of one request is read as the next one, with its own say."""
    conversation.send(POST, HOST, TYPE, b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")
    conversation.send(*discover)
    assert conversation.answer().count(b"HTTP/1.1 ") == 1
    assert conversation.gateway.served == []
