"""Requests written by hand."""

import re
from base64 import b64encode
from collections.abc import Callable

import pytest


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
