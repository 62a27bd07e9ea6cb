"""Requests written by hand."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

RULES = """
    rules:
      - {repos: ["guarded/**"], refs: [refs/heads/main], who: [everyone], deny: [write], message: Not main.}
      - {repos: ["open/**", "guarded/**"], who: [everyone], allow: [read, write, force, delete]}
      - {repos: ["team/**"], who: ["group:devs"], allow: [read, write]}
      - {repos: ["team/**"], who: [authenticated], allow: [read]}
"""


@pytest.fixture(scope="session")
def hostile(starting: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A site that only hostile clients see. However they behave, it ends without a traceback in its log, nor a
    control character."""
    site = starting(tmp_path_factory.mktemp("hostile") / "site", rules=RULES)
    for path in ("open/r.git", "team/r.git", "secret/r.git", "guarded/r.git"):
        site.filled(path)
    yield site
    code, log = site.daemon.close(), site.daemon.log()
    assert code == 0
    assert "Traceback" not in log
    assert re.findall(r"[^\n\x20-\x7e\x80-\U0010ffff]", log) == []


@pytest.fixture
def request_for() -> Callable[..., bytes]:
    """The bytes of a request. `user` logs in with the password of that name."""

    def made(
        target: str, *headers: str, method: str = "GET", user: str = "", body: bytes | None = None, last: bool = True
    ) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", "Host: git.example.org", *headers]
        if user:
            password = {"alice": "wonderland", "bob": "builder"}[user]
            lines.append("Authorization: Basic " + b64encode(f"{user}:{password}".encode()).decode())
        if body is not None and not any("Content-Length" in line or "chunked" in line for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        if last:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")

    return made


@pytest.fixture
def statuses() -> Callable[[bytes], list[int]]:
    """Those of the responses in what was said."""
    return lambda said: [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d+)", said, re.MULTILINE)]
