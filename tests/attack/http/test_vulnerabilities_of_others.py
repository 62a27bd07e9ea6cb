"""One test for each vulnerability that other git servers, or twisted.web, have had in their http doors."""

import gzip
import os
import socket
import ssl
from base64 import b64encode

import pytest

from gitgate.wire.pktline import encode

DISCOVER = "info/refs?service=git-upload-pack"
UPLOAD = "Content-Type: application/x-git-upload-pack-request"
RECEIVE = "Content-Type: application/x-git-receive-pack-request"


def test_who_somebody_was_in_one_request_is_not_who_they_are_in_the_next(hostile, say, request_for, statuses):
    """GHSA-pchf-49fh-w34r, CVE-2024-45337, CVE-2024-28080: an identity that was shown, and stayed with the connection.
    1. alice pushes. 2. Over the same connection bob asks to, and then nobody does."""
    target = "/team/r.git/info/refs?service=git-receive-pack"
    asked = [
        request_for(target, user="alice", last=False),
        request_for(target, user="bob", last=False),
        request_for(target),
    ]
    assert statuses(say(hostile, "http", b"".join(asked))) == [200, 403, 401]


def test_each_request_is_judged_by_itself(hostile, say, request_for, statuses):
    """CVE-2026-39828, GHSA-rh79-75qm-gwjr, CVE-2026-22253: what the first question was answered counts for the second.
    bob may read. 1. He never asks for the advertisement, where he would be refused. 2. He posts."""
    post = request_for("/team/r.git/git-receive-pack", RECEIVE, method="POST", user="bob", body=b"0000")
    assert statuses(say(hostile, "http", post)) == [403]
    assert statuses(say(hostile, "http", request_for(f"/team/r.git/{DISCOVER}", user="bob"))) == [200]


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "info/refs?service=git-evil", 403),
        ("GET", "info/refs?service=git-upload-pack%00", 403),
        ("GET", "info/refs?service=GIT-UPLOAD-PACK", 403),
        ("GET", "info/refs?service=upload-pack", 403),
        ("GET", "info/refs?service=", 403),
        ("GET", "info/refs?service=git-upload-archive", 403),
        ("GET", "info/refs", 403),
        ("POST", "git-evil", 404),
        ("POST", "git-upload-archive", 404),
        ("POST", "info/lfs/objects/batch", 404),
        ("POST", "info/lfs/locks", 404),
        ("GET", "HEAD", 404),
        ("GET", "config", 404),
        ("GET", "objects/info/alternates", 404),
    ],
)
def test_what_is_not_known_is_not_served(hostile, say, request_for, statuses, method, target, status):
    """CVE-2026-58423: an unknown sub-command had access mode 0, which everybody has."""
    asked = request_for(f"/open/r.git/{target}", UPLOAD, method=method, user="alice")
    assert statuses(say(hostile, "http", asked)) == [status]


@pytest.mark.parametrize(
    "path",
    [
        *("/open/../secret/r.git", "/open/r.git/../../secret/r.git", "/open/./r.git", "/open//r.git", "//open/r.git"),
        *("/open/%2e%2e/secret/r.git", "/open/.%2e/secret/r.git", "/open%2f..%2fsecret/r.git", "/open/..%5csecret"),
        *("/open/%252e%252e/secret/r.git", "/open/\\..\\secret/r.git", "/open/r.git%00/x", "/open/r.git%0d%0aX: y"),
        *("/open/%c0%ae%c0%ae/secret/r.git", "/open/\xe2\x80\xa5/r.git", "http://x/open/r.git", "open/r.git", "*"),
        *("/--help", "/-oProxyCommand=x/r.git", "/--output=/tmp/x", "/%2d%2dhelp", "/~root/r.git", "/open/r.git/.git"),
        *("/open/r.git/objects", "/open/r.git/.", "/.", "/..", "/%", "/%zz", "/" + "a" * 5000, "/" + "a/" * 2000),
    ],
)
def test_no_way_of_writing_a_path_leads_elsewhere(hostile, say, request_for, statuses, path):
    """CVE-2025-22130, CVE-2026-48827, CVE-2026-30914, CVE-2012-4506: one part judges the name, another one opens what
    it becomes; and GHSA-33pr-m977-5w97, CVE-2017-8386: a name that git takes for an option."""
    answer = say(hostile, "http", request_for(f"{path}/{DISCOVER}", user="bob"))
    assert statuses(answer) in ([400], [404])
    assert str(hostile.root).encode() not in answer


def test_no_header_reaches_the_environment_of_git(hostile, unique):
    """CVE-2024-41956, CVE-2024-39930: a client chose LD_PRELOAD; and httpoxy, CVE-2016-5385: `Proxy` became HTTP_PROXY
    of a CGI."""
    repository = hostile.repository(f"open/{unique}.git")
    hook = repository / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nenv > environment\n")
    hook.chmod(0o755)
    client = hostile.client()
    work = client.work_tree(hostile.url("http", f"open/{unique}.git"))
    headers = ("Proxy: evil-1", "LD_PRELOAD: evil-2", "GIT_DIR: evil-3", "X-Env: evil-4", "Git-Config-Count: evil-5")
    for header in headers:
        client.git("config", "--add", "http.extraHeader", header, cwd=work)
    client.git("push", "-q", "origin", "main", cwd=work, GIT_PROTOCOL="version=2:LD_PRELOAD=evil-6:$(id)")
    assert "GITGATE_REQUEST_ID=" in (repository / "environment").read_text()
    assert "evil" not in (repository / "environment").read_text()


def test_the_protocol_is_only_ever_a_number(hostile, say, request_for):
    """The same by the one header that is passed on."""
    for header in ("version=2:version=1;$(id)", "version=99", "version=2\t", "k=v:" * 300, "version=2:GIT_TRACE=1"):
        answer = say(hostile, "http", request_for(f"/open/r.git/{DISCOVER}", f"Git-Protocol: {header}"))
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"uid=" not in answer


def test_the_name_of_a_ref_is_no_option(hostile, unique, tmp_path):
    """gogs, 2026-03, CVE-2024-39932, CVE-2024-39933: a branch called `--exec=...` was given to git as an argument."""
    hostile.repository(f"open/{unique}.git")
    client = hostile.client()
    url = hostile.url("http", f"open/{unique}.git")
    work = client.work_tree(url)
    client.git("push", "-q", url, f"HEAD:refs/heads/--output={tmp_path}/x", "HEAD:refs/heads/main", cwd=work)
    client.git("clone", "-q", url, client.home / "copy")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "request_line",
    [
        "/%1b]0;owned%07/info/refs?service=git-upload-pack",
        "/open/%1b[2J.git/info/refs?service=git-upload-pack",
        "/open/x/info/refs?service=%1b[2J",
        "/\x1b[2J",
    ],
)
def test_escape_sequences_reach_no_terminal(hostile, say, request_for, request_line):
    """GHSA-fv2r-r8mp-pg48 (CVE-2025-64494): the name of a repository redrew the terminal of whoever looked. The log is
    looked at when the site is closed."""
    user = "Authorization: Basic " + b64encode(b"al\x1b[2Jice:x").decode()
    for headers in ((), (user,), ("Git-Protocol: \x1b[2J",), ("User-Agent: \x1b[2J",)):
        assert b"\x1b" not in say(hostile, "http", request_for(request_line, *headers))


def test_all_refs_of_a_push_are_judged(hostile, say, request_for, unique):
    """CVE-2025-54583 to CVE-2025-54586: only the first ref of a push was looked at, or what stood before "PACK"."""
    zeros, tip = b"0" * 40, b"1" * 40
    for commands in (
        encode(zeros + b" " + tip + b" refs/heads/free\0report-status")
        + encode(zeros + b" " + tip + b" refs/heads/main"),
        encode(zeros + b" " + tip + b" refs/heads/PACK\0report-status PACK")
        + encode(zeros + b" " + tip + b" refs/heads/main\n"),
    ):
        body = commands + b"0000PACK\0\0\0\2\0\0\0\0"
        answer = say(
            hostile,
            "http",
            request_for("/guarded/r.git/git-receive-pack", RECEIVE, method="POST", user="alice", body=body),
        )
        assert b"ng refs/heads/main Not main." in answer
        assert answer.count(b"ng refs/heads/") == 2


@pytest.mark.parametrize("length", [b"-001", b"+010", b" 010", b"0x1f", b"1_00", b"0003", b"ffff", b"\xef\xbc\x91\xef"])
def test_the_length_of_a_packet_is_four_digits(hostile, say, request_for, statuses, length):
    """dulwich, 2026: Python's int() takes a sign, a space and "_"; a length of -1 was read for ever."""
    asked = request_for("/open/r.git/git-upload-pack", UPLOAD, method="POST", body=length + b"want ")
    assert statuses(say(hostile, "http", asked)) == [400]


SMUGGLED = b"GET /team/r.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5, 5"],
        ["Content-Length: +5"],
        ["Content-Length: 0x5"],
        ["Content-Length: 5\t6"],
        ["Content-Length: " + "1" * 5000],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding:\x0bchunked"],
        ["Transfer-Encoding : chunked"],
        [" Transfer-Encoding: chunked"],
        ["X: y", " Transfer-Encoding: chunked"],
        ["Content-Length:"],
    ],
)
def test_no_request_hides_in_the_body_of_another(hostile, say, request_for, statuses, headers):
    """CVE-2022-24801, CVE-2020-10108, CVE-2020-10109: two readers differ about where a body ends, and what was a body
    for the proxy in front is a request, with a path of its own, for the server behind it."""
    asked = request_for("/open/r.git/git-upload-pack", UPLOAD, *headers, method="POST", body=b"", last=False)
    answer = say(hostile, "http", asked.replace(b"Content-Length: 0\r\n", b"") + b"0\r\n\r\n" + SMUGGLED)
    assert statuses(answer) == [400]


@pytest.mark.parametrize(
    "chunk", [b"0x4\r\n0000\r\n", b"4 \r\n0000\r\n", b"4\n0000\r\n", b"4;a\nb\r\n0000\r\n", b"-4\r\n"]
)
def test_nor_in_a_chunk(hostile, say, request_for, statuses, chunk):
    """The same with the lengths of chunks."""
    head = request_for("/open/r.git/git-upload-pack", UPLOAD, "Transfer-Encoding: chunked", method="POST", last=False)
    assert statuses(say(hostile, "http", head + chunk + b"0\r\n\r\n" + SMUGGLED)) == [400]


def test_answers_come_in_the_order_of_the_questions(hostile, say, request_for, statuses):
    """CVE-2023-46137, CVE-2024-41671: the second of two requests in one packet was answered first, so that a proxy gave
    the one user's answer to the other."""
    slow = request_for("/open/r.git/git-upload-pack", UPLOAD, method="POST", body=b"0000", last=False)
    quick = request_for("/nothing", last=False)
    answer = say(hostile, "http", slow + quick + slow + request_for("/nothing"))
    assert statuses(answer) == [200, 404, 200, 404]


def test_http_2_is_not_spoken(hostile, say, connect, request_for, statuses):
    """CVE-2019-9512, CVE-2019-9514, CVE-2019-9515, CVE-2023-44487: floods of frames. Neither TLS, nor an upgrade, nor
    who just begins with it gets there."""
    context = ssl.create_default_context(cafile=hostile.folder / "tls.crt")
    context.set_alpn_protocols(["h2", "http/1.1"])
    port = int(hostile.daemon.urls["https"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        assert context.wrap_socket(plain, server_hostname="localhost").selected_alpn_protocol() == "http/1.1"
    upgrade = ("Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
    assert statuses(say(hostile, "http", request_for(f"/open/r.git/{DISCOVER}", *upgrade))) == [200]
    assert statuses(say(hostile, "http", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == [400]


@pytest.mark.parametrize("target", ["/<script>alert(1)</script>", "/open/<b>/info/refs?service=<i>", "/x?<script>"])
def test_an_error_quotes_nothing(hostile, say, request_for, target):
    """CVE-2022-39348, CVE-2024-41810: the page of an error held what the attacker had put into the link."""
    asked = request_for(target, "X-Forwarded-Host: <script>").replace(b"git.example.org", b"<script>")
    head, _, body = say(hostile, "http", asked).lower().partition(b"\r\n\r\n")
    assert not {b"<", b"script"} & {head, body}
    assert b"\r\ncontent-type: text/plain; charset=utf-8\r\n" in head
    assert b"\r\nx-content-type-options: nosniff\r\n" in head
    assert b"<" not in head + body


@pytest.mark.parametrize(
    "authorization",
    [
        *(
            "Basic",
            "Basic ",
            "Basic !!!!",
            "Basic YWxpY2U",
            "Basic YWxpY2U=",
            "Basic OnB3",
            "Bearer",
            "Digest x",
        ),
        *(
            "Bearer a b",
            "Basic YWxpY2U6d29uZGVybGFuZA== x",
            "Negotiate YII=",
            "x",
            "",
            "Basic " + b64encode(b"a\xff:x").decode(),
        ),
        "Basic " + b64encode(b"alice: ").decode(),
        "Basic " + b64encode(b"alice:wonderland\0").decode(),
        "Basic " + b64encode(b"alice\0:wonderland").decode(),
        "Basic " + b64encode(b"ali\nce:x").decode(),
        "Basic " + b64encode(b"alice:" + b"x" * 73).decode(),
        "Basic " + b64encode(b"alice:" + b"x" * 9000).decode(),
        "Basic " + b64encode(b"a" * 256 + b":x").decode(),
        "Basic " + b64encode(b"*)(uid=*:x").decode(),
    ],
)
def test_who_cannot_be_understood_is_not_nobody(hostile, say, request_for, statuses, authorization):
    """What twisted.web's getUser() makes "" of; a blank, which a directory may take for an empty password; and bcrypt,
    which raises for 73 bytes and for NUL. Everybody may read the repository, and these may not."""
    answer = say(hostile, "http", request_for(f"/open/r.git/{DISCOVER}", f"Authorization: {authorization}"))
    assert statuses(answer) == [401]
    assert b"WWW-Authenticate: Basic" in answer


@pytest.mark.parametrize("typed", [b"alice:", b"nobody-of-that-name:", b":"])
def test_a_name_without_a_password_is_nobody(hostile, say, request_for, statuses, typed):
    """RFC 4513 5.1.2: an empty password, which a directory takes for anonymous, must not make anybody a user. It gets
    what it would get without a word, and no record has the name."""
    header = "Authorization: Basic " + b64encode(typed).decode()
    for path, status in (("open", 200), ("team", 401), ("secret", 401), ("missing", 401)):
        assert statuses(say(hostile, "http", request_for(f"/{path}/r.git/{DISCOVER}", header))) == [status]
    assert "nobody-of-that-name" not in hostile.daemon.log()


def test_there_is_one_authorization(hostile, say, request_for, statuses):
    """Of two, twisted.web takes the last, and a proxy perhaps the first."""
    twice = request_for(f"/team/r.git/{DISCOVER}", "Authorization: Basic eDp5", user="alice")
    assert statuses(say(hostile, "http", twice)) == [400]


@pytest.mark.parametrize("start", [b"", b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_without_end_is_not_kept(hostile, connect, start):
    """CVE-2022-21716: conch kept all that came before the end of a first line."""
    before, sent = hostile.daemon.memory_kib(), 0
    with connect(hostile, "http") as client:
        try:
            client.sendall(start)
            for _ in range(500):
                client.sendall(b"a" * 65536)
                sent += 65536
        except OSError:
            pass
    assert sent < 16 * 2**20
    assert hostile.daemon.memory_kib() - before < 4096


@pytest.mark.parametrize("service", ["upload", "receive"])
def test_a_body_that_grows_a_thousandfold_costs_no_memory(hostile, say, request_for, service):
    """A gzip bomb: 50 kB for 50 MB. A fetch has its bound, and a push is as git takes it: as a broken pack."""
    zeros, tip = b"0" * 40, b"1" * 40
    start = {"upload": b"0032have ", "receive": encode(zeros + b" " + tip + b" refs/heads/x\0report-status") + b"0000"}
    bomb = gzip.compress(start[service] + bytes(50 * 2**20))
    kind = f"Content-Type: application/x-git-{service}-pack-request"
    asked = request_for(
        f"/open/r.git/git-{service}-pack", kind, "Content-Encoding: gzip", method="POST", user="alice", body=bomb
    )
    before = hostile.daemon.memory_kib("VmHWM")
    say(hostile, "http", asked)
    assert hostile.daemon.memory_kib("VmHWM") - before < 4096
