"""The same requests to gitgate and to the `git http-backend` of this machine, which is the reference.

Where gitgate answers otherwise, the table says so and why. Behind it, hypothesis puts paths, methods, services and
headers together in every way, and `intended` has all that may then be answered otherwise.
"""

import gzip
import http.client
import os
import subprocess
from base64 import b64encode
from dataclasses import dataclass, field
from importlib.resources import files
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

COMPARED = ("content-type", "expires", "pragma", "cache-control", "allow")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Ask:
    """A request. REPO in its target stands for a repository; `gitgate` is the status where it differs."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    gitgate: int | None = None
    why: str = ""


UPLOAD = {"Content-Type": "application/x-git-upload-pack-request"}
RECEIVE = {"Content-Type": "application/x-git-receive-pack-request"}
LS_REFS = b"0014command=ls-refs\n00010000"
DISCOVER = "REPO/info/refs?service=git-upload-pack"

ASKS = [
    Ask("GET", DISCOVER),
    Ask("GET", DISCOVER, {"Git-Protocol": "version=1"}),
    Ask("GET", DISCOVER, {"Git-Protocol": "version=2"}),
    Ask("GET", DISCOVER, {"Git-Protocol": "version=99"}),
    Ask("GET", DISCOVER, {"Git-Protocol": "version=2:version=1"}),
    Ask("GET", DISCOVER, {"Git-Protocol": "a=b:version=2:c"}),
    Ask("GET", "REPO/info/refs?service=git-receive-pack"),
    Ask("GET", "REPO/info/refs?service=git-receive-pack", {"Git-Protocol": "version=1"}),
    Ask("GET", "REPO/info/refs?service=git-receive-pack", {"Git-Protocol": "version=2"}),
    Ask("GET", "REPO/info/refs?service=git-evil"),
    Ask("GET", "REPO/info/refs?service=git-upload-archive"),
    Ask("POST", "REPO/git-upload-pack", {**UPLOAD, "Git-Protocol": "version=2"}, LS_REFS),
    Ask("POST", "REPO/git-upload-pack", {**UPLOAD, "Git-Protocol": "version=2", "Content-Encoding": "gzip"}, LS_REFS),
    Ask("POST", "REPO/git-upload-pack", {**UPLOAD, "Git-Protocol": "version=2", "Content-Encoding": "x-gzip"}, LS_REFS),
    Ask("POST", "REPO/git-upload-pack", UPLOAD, b"0000"),
    Ask("POST", "REPO/git-receive-pack", RECEIVE, b"0000"),
    Ask("POST", "REPO/git-upload-pack", RECEIVE, b"0000"),
    Ask("POST", "REPO/git-upload-pack", {"Content-Type": "text/plain"}, b"0000"),
    Ask("GET", "REPO/git-upload-pack"),
    Ask("GET", "REPO/git-receive-pack"),
    Ask("POST", DISCOVER, UPLOAD, b"0000"),
    Ask("PUT", DISCOVER),
    Ask("OPTIONS", DISCOVER),
    Ask("GET", "REPO/foo"),
    Ask("GET", "/open/not-there.git/info/refs?service=git-upload-pack"),
    # Dumb http is off: it would serve every object to who can guess names, without a policy of its own.
    Ask("GET", "REPO/info/refs", gitgate=403, why="dumb http"),
    Ask("GET", "REPO/HEAD", gitgate=404, why="dumb http"),
    Ask("GET", "REPO/objects/info/packs", gitgate=404, why="dumb http"),
    Ask("GET", DISCOVER + "&service=git-receive-pack", gitgate=400, why="two services: a proxy may look at the other"),
    Ask("GET", "/../REPO/info/refs?service=git-upload-pack", gitgate=400, why="the client's fault, not the server's"),
    Ask("GET", "REPO//info/refs?service=git-upload-pack", gitgate=400, why="the client's fault, not the server's"),
    Ask("GET", "/open/%2e%2eREPO/%2e%2e/info/refs?service=git-upload-pack", gitgate=400, why="no such parts"),
    Ask("POST", "REPO/git-upload-pack", UPLOAD, b"zzzz", gitgate=400, why="http-backend has sent its 200 already"),
    Ask(
        *("POST", "REPO/git-upload-pack", {**UPLOAD, "Content-Encoding": "gzip", "X-Not": "compressed"}, b"0000"),
        gitgate=400,
        why="http-backend has sent its 200 already",
    ),
    Ask("POST", "REPO/git-upload-pack", {**UPLOAD, "Content-Encoding": "br"}, b"0000", gitgate=415, why="unknown"),
    Ask("HEAD", DISCOVER),
]


def ask_gitgate(site, ask: Ask, target: str, body: bytes) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(site.daemon.urls["http"]).netloc, timeout=20)
    connection.request(
        ask.method,
        target,
        body or None,
        {**ask.headers, "Authorization": "Basic " + b64encode(b"alice:wonderland").decode()},
    )
    response = connection.getresponse()
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


def ask_http_backend(site, ask: Ask, target: str, body: bytes) -> Answer:
    path, _, query = target.partition("?")
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": str(files("gitgate.git") / "defaults.gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "receive.certNonceSeed",
        "GIT_CONFIG_VALUE_0": "a seed for the tests",
        "GIT_PROJECT_ROOT": str(site.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REMOTE_USER": "alice",
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": ask.method,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in ask.headers.items():
        environment["CONTENT_TYPE" if name == "Content-Type" else f"HTTP_{name.upper().replace('-', '_')}"] = value
    ran = subprocess.run(
        ["git", "http-backend"],
        input=body,
        env={os.fsencode(k): os.fsencode(v) for k, v in environment.items()} | {b"PATH_INFO": unquote_to_bytes(path)},
        capture_output=True,
        timeout=20,
        check=False,
    )
    head, _, rest = ran.stdout.partition(b"\r\n\r\n")
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head.decode().split("\r\n"))}
    return Answer(int(headers.pop("status", "200").split()[0]), headers, rest)


@pytest.fixture(scope="module")
def repository(site):
    return "/" + str(site.filled("open/http-backend.git").relative_to(site.root))


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: f"{ask.method}-{ask.target}-{'-'.join(ask.headers.values())}")
def test_gitgate_answers_as_git_http_backend_does(site, repository, ask):
    target = ask.target.replace("REPO", repository)
    compressed = "gzip" in ask.headers.get("Content-Encoding", "") and "X-Not" not in ask.headers
    body = gzip.compress(ask.body) if compressed else ask.body
    reference, answer = ask_http_backend(site, ask, target, body), ask_gitgate(site, ask, target, body)
    if ask.gitgate is not None:
        assert answer.status == ask.gitgate
        assert ask.why == "" or reference.status != ask.gitgate, "this is no exception any more"
        return
    assert answer.status == reference.status
    if reference.status != 200:
        assert answer.headers.get("allow") == reference.headers.get("allow")
        return
    assert {k: answer.headers.get(k) for k in COMPARED} == {k: reference.headers.get(k) for k in COMPARED}
    if ask.method != "HEAD" and b"push-cert=" not in reference.body:  # which holds the time of the day
        assert answer.body == reference.body
    elif ask.method != "HEAD":
        assert answer.body.partition(b"push-cert=")[0] == reference.body.partition(b"push-cert=")[0]


SUFFIXES = ["/info/refs", "/git-upload-pack", "/git-receive-pack"]
NOT_SERVED = [
    "/git-upload-archive",
    "/HEAD",
    "/objects/info/packs",
    "/info/refs/",
    "/foo",
    "",
    "/",
    "/git-upload-pack/x",
]
QUERIES = [
    *("", "?", "?service=git-upload-pack", "?service=git-receive-pack", "?service=git-evil", "?service="),
    *("?service=git%2Dupload%2Dpack", "?a=b&service=git-upload-pack&c", "?SERVICE=git-upload-pack", "?service"),
    *("?service=git-upload-pack&service=git-receive-pack", "?service=git-upload-archive", "?x=service=git-upload-pack"),
]
TYPES = ["application/x-git-upload-pack-request", "application/x-git-receive-pack-request", "text/plain", None]

asked = st.builds(
    lambda method, repository, suffix, query, kind, version: (
        Ask(
            method,
            repository + suffix + query,
            {**({"Content-Type": kind} if kind else {}), **({"Git-Protocol": version} if version else {})},
            b"0000" if method == "POST" else b"",
        ),
        suffix,
        query,
    ),
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"]),
    st.sampled_from(["REPO", "REPO", "/open/not-there.git"]),
    st.sampled_from(SUFFIXES * 3 + NOT_SERVED),
    st.sampled_from(QUERIES),
    st.sampled_from(TYPES),
    st.sampled_from([None, "version=1", "version=2", "version=9:x", "version=2:" + "x" * 200]),
)


def intended(ask: Ask, suffix: str, query: str) -> int | None:
    """The status, where gitgate need not answer as the reference does.

    What is wrong with a request for everybody is told before anybody has looked for the repository; dumb http is off;
    and a method that no service has is told as such.
    """
    if ask.method not in ("GET", "HEAD", "POST"):
        return 405
    if suffix in NOT_SERVED:
        return 404
    if (ask.method == "POST") is (suffix == "/info/refs"):
        return None
    if suffix == "/info/refs":
        services = [
            value for name, _, value in (part.partition("=") for part in query[1:].split("&")) if name == "service"
        ]
        if len(services) > 1:
            return 400
        known = services and services[0].replace("%2D", "-") in ("git-upload-pack", "git-receive-pack")
        return None if known else 403
    return None if ask.headers.get("Content-Type") == f"application/x-{suffix[1:]}-request" else 415


@settings(max_examples=150, deadline=None)
@given(asked)
def test_whatever_is_put_together_is_routed_as_by_git_http_backend(site, repository, asked):
    ask, suffix, query = asked
    target = ask.target.replace("REPO", repository)
    answer, status = ask_gitgate(site, ask, target, ask.body), intended(ask, suffix, query)
    if status is not None:
        assert answer.status == status
        return
    reference = ask_http_backend(site, ask, target, ask.body)
    assert answer.status == reference.status
    compared = COMPARED if reference.status == 200 else ("allow",)
    assert {k: answer.headers.get(k) for k in compared} == {k: reference.headers.get(k) for k in compared}
    if ask.method != "HEAD" and reference.status == 200:
        assert answer.body.partition(b"push-cert=")[0] == reference.body.partition(b"push-cert=")[0]
