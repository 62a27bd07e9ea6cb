"""No byte before a decision: what is asked is judged by its headers, and the body is not even wanted until then."""

import socket
import time

import pytest

RECEIVE = "Content-Type: application/x-git-receive-pack-request"
TEN_GIGABYTES = "Content-Length: 10000000000"


@pytest.fixture(params=["http", "https"])
def web(request):
    return request.param


@pytest.mark.parametrize(
    "length", [TEN_GIGABYTES, "Transfer-Encoding: chunked", "Expect: 100-continue\r\n" + TEN_GIGABYTES]
)
@pytest.mark.parametrize(
    ("path", "user", "status"), [("team/r.git", "", 401), ("team/no.git", "", 401), ("team/r.git", "bob", 403)]
)
def test_ten_gigabytes_are_refused_at_their_headers(hostile, connect, request_for, web, length, path, user, status):
    """1. Anybody announces a push of 10 GB, and sends none of it. 2. The answer is there: nothing was waited for."""
    asked = request_for(f"/{path}/git-receive-pack", RECEIVE, length, method="POST", user=user)
    with connect(hostile, web) as client:
        client.sendall(asked)
        assert client.recv(65536).startswith(b"HTTP/1.1 %d " % status)
    assert hostile.daemon.children(path) == []


def test_who_sends_them_all_the_same_is_read_no_further(hostile, connect, request_for):
    """The answer arrives, and what is sent behind it goes nowhere: not into memory, and not into a file."""
    asked = request_for("/team/r.git/git-receive-pack", RECEIVE, TEN_GIGABYTES, method="POST")
    before = hostile.daemon.memory_kib("VmHWM")
    sent = 0
    with connect(hostile, "http") as client:
        client.sendall(asked)
        assert client.recv(65536).startswith(b"HTTP/1.1 401 ")
        try:
            while sent < 10**9:
                sent += client.send(bytes(2**20))
        except OSError:
            pass
    assert sent < 50 * 2**20
    assert hostile.daemon.memory_kib("VmHWM") - before < 2048


def test_the_body_of_a_refused_push_is_not_read_as_a_request(hostile, say, request_for, statuses):
    """1. A push is announced as long as a request. 2. It is refused at its headers. 3. What was its body is, for a
    server that goes on reading, a request that somebody else seems to make."""
    hidden = request_for("/open/r.git/info/refs?service=git-upload-pack")
    asked = request_for("/team/r.git/git-receive-pack", RECEIVE, method="POST", body=hidden, last=False)
    assert statuses(say(hostile, "http", asked)) == [401]


SLOW = """
version: 1
listen:
  - {url: "http://127.0.0.1:0"}
  - {url: "https://127.0.0.1:0", tls: {certificate: tls.crt, key: tls.key}}
  - {url: "git://127.0.0.1:0"}
plugins:
  - use: rules
RULES
  - {use: tree, root: repositories}
limits: {login_deadline: 1s, stall_deadline: 1s, transfer_deadline: 20s, idle_deadline: 30s}
"""


@pytest.fixture(scope="module")
def impatient(starting, tmp_path_factory):
    """A site that waits for nobody longer than a second."""
    site = starting(tmp_path_factory.mktemp("impatient") / "site", SLOW)
    site.filled("open/r.git")
    yield site
    assert site.daemon.close() == 0
    assert "Traceback" not in site.daemon.log()


PUSH = (
    b"POST /open/r.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
    b"Content-Type: application/x-git-receive-pack-request\r\n\r\n0000"
)


@pytest.mark.parametrize(
    ("transport", "start", "drop"),
    [
        ("http", b"", b""),
        ("http", b"GET / HTTP/1.1\r\nX: ", b"x"),
        ("http", PUSH, b"0"),
        ("http", PUSH.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked")[:-4] + b"ffff\r\n", b"0"),
        ("git", b"", b""),
        ("git", b"00", b"3"),
        ("git", b"0100git-upload-pack /", b"a"),
    ],
)
def test_who_comes_to_no_point_is_disconnected(impatient, connect, transport, start, drop):
    """Slowloris, and R.U.D.Y.: a byte now and then, so that no silence is ever long, in the head and in the body."""
    began = time.monotonic()
    with connect(impatient, transport) as client:
        client.sendall(start)
        client.settimeout(0.1)
        while True:
            assert time.monotonic() - began < 15
            try:
                if drop:
                    client.sendall(drop)
                if not client.recv(65536):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break


@pytest.mark.parametrize("hello", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_handshake_of_tls_has_no_more_time(impatient, hello):
    """Nothing that the channel above TLS would see ever comes."""
    port = int(impatient.daemon.urls["https"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=15) as client:
        client.sendall(hello)
        try:
            while client.recv(100):
                pass
        except ConnectionError:
            pass
