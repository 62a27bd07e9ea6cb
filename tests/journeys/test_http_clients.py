"""What only http has, seen with git's own client and with curl."""

import os
import re
import shutil
import socket
import subprocess
import time
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs the package curl")

TYPE = "Content-Type: application/x-git-receive-pack-request"


@pytest.fixture(params=["http", "https"])
def web(request):
    return request.param


def curl(site, *arguments: str, data: bytes | None = None) -> str:
    """What curl prints: the response with its headers, and what -v says."""
    ran = subprocess.run(
        ["curl", "-sSi", "-v", "--max-time", "20", "--cacert", str(site.folder / "tls.crt"), *arguments],
        input=data,
        capture_output=True,
        check=False,
    )
    return (ran.stdout + ran.stderr).decode(errors="replace")


def statuses(printed: str) -> list[int]:
    """Of the responses that curl has seen, in their order."""
    return [int(status) for status in re.findall(r"^< HTTP/1\.[01] (\d+)", printed, re.MULTILINE)]


def traced(client, *arguments, cwd=None) -> str:
    return client.git(*arguments, cwd=cwd, GIT_TRACE_CURL="1", GIT_TRACE_CURL_NO_DATA="1")


def test_a_clone_with_a_password_uses_one_connection(site, web, unique):
    site.filled(f"team/{unique}.git")
    printed = traced(site.client(), "clone", site.url(web, f"team/{unique}.git"), "clone")
    assert printed.count("HTTP/1.1 401 Unauthorized") == 1
    assert "e-using existing connection" in printed
    assert len(re.findall(r"Connected to", printed)) == 1


def test_a_long_negotiation_is_sent_compressed_and_understood(site, web, protocol, unique):
    repository = site.filled(f"team/{unique}.git")
    client = site.client().configured(protocol_version=protocol)
    work = client.home / "clone"
    client.git("clone", "-q", site.url(web, f"team/{unique}.git"), work)
    commits = "".join(
        f"commit refs/heads/side{number}\ncommitter a <a@b> {2_000_000_000 + number} +0000\ndata 1\nx\n\n"
        for number in range(300)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=work, input=commits.encode(), check=True)
    other = client.home / "other"
    client.git("clone", "-q", repository, other)
    new = client.commit(other, more="more\n")
    client.git("push", "-q", "origin", "main", cwd=other)
    printed = traced(client, "fetch", "-v", cwd=work)
    assert re.search(r"header: content-encoding: gzip", printed, re.IGNORECASE)
    assert client.git("rev-parse", "origin/main", cwd=work).strip() == new


def test_a_push_beyond_the_post_buffer_is_chunked(site, web, protocol, unique):
    repository = site.repository(f"team/{unique}.git")
    client = site.client().configured(protocol_version=protocol)
    work = client.work_tree(site.url(web, f"team/{unique}.git"), noise=os.urandom(100_000).hex())
    printed = traced(client.configured(http_postBuffer="1"), "push", "origin", "main", cwd=work)
    assert re.search(r"header: transfer-encoding: chunked", printed, re.IGNORECASE)
    assert client.git("rev-parse", "main", cwd=repository) == client.git("rev-parse", "main", cwd=work)


@pytest.mark.parametrize(("user", "expected"), [("alice", [100, 200]), ("bob", [403]), (None, [401])])
def test_an_expectation_is_met_only_for_who_may_push(site, web, unique, user, expected):
    site.filled(f"team/{unique}.git")
    url = site.url(web, f"team/{unique}.git/git-receive-pack", user=user)
    printed = curl(site, "-H", "Expect: 100-continue", "-H", TYPE, "--data-binary", "@-", url, data=b"0000")
    assert statuses(printed) == expected


def test_the_answer_to_head_has_the_headers_of_get(site, web, unique):
    site.filled(f"public/{unique}.git")
    url = site.url(web, f"public/{unique}.git/info/refs?service=git-upload-pack", user=None)
    printed = curl(site, "-I", url)
    assert statuses(printed) == [200]
    assert "Content-Type: application/x-git-upload-pack-advertisement" in printed


def test_http_1_0_is_served(site, web, unique):
    site.filled(f"public/{unique}.git")
    url = site.url(web, f"public/{unique}.git/info/refs?service=git-upload-pack", user=None)
    printed = curl(site, "--http1.0", url)
    assert statuses(printed) == [200], printed
    assert printed.count("refs/heads/main") == 2


def test_a_client_that_offers_http_2_gets_http_1_1(site, unique):
    site.filled(f"public/{unique}.git")
    url = site.url("https", f"public/{unique}.git/info/refs?service=git-upload-pack", user=None)
    assert statuses(curl(site, "--http2", url)) == [200]


def test_people_read_the_reason_of_a_refusal(site, web, unique):
    client = site.client()
    for path, user, told in (
        (f"team/{unique}.git", "alice", "remote: repository not found"),
        (f"team/{unique}.git", "mallory", "remote: login failed"),
    ):
        assert told in client.git("ls-remote", site.url(web, path, user=user), fails=True)


def test_a_large_push_that_is_refused_is_told_so_while_it_is_sent(site, web, unique):
    """What curl has to say of a reset connection would tell the user nothing."""
    site.filled(f"team/{unique}.git")
    url = site.url(web, f"team/{unique}.git/git-receive-pack", user="bob")
    printed = curl(site, "-H", "Expect:", "-H", TYPE, "--data-binary", "@-", url, data=b"0000" + bytes(20_000_000))
    assert statuses(printed) == [403]
    assert "Pushing is for developers." in printed


def test_10_gigabytes_without_credentials_are_not_taken(site, unique):
    """1. Anybody announces a push of 10 GB. 2. A server that reads bodies first fills its disk with it."""
    site.filled(f"team/{unique}.git")
    place = urlsplit(site.daemon.urls["http"])
    sent = 0
    with socket.create_connection((place.hostname, place.port), timeout=30) as client:
        head = (
            f"POST /team/{unique}.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n{TYPE}\r\nContent-Length: 10000000000\r\n"
        )
        client.sendall(head.encode() + b"\r\n")
        client.settimeout(0.5)
        give_up = time.monotonic() + 40
        try:
            while time.monotonic() < give_up:
                try:
                    sent += client.send(bytes(65536))
                except TimeoutError:
                    break  # nobody reads any more
        except OSError:
            pass  # or the connection is closed already
    assert 0 < sent < 50_000_000


def test_two_requests_in_one_packet_are_answered_in_their_order(site, unique):
    site.filled(f"public/{unique}.git")
    place = urlsplit(site.daemon.urls["http"])
    first = f"GET /public/{unique}.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n"
    second = "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=20) as client:
        client.sendall((first + second).encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"404"]
