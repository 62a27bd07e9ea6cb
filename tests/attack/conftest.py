"""Attacks go against the same running gitgate as the journeys: see tests/journeys/conftest.py for what stands where."""

import re
import shutil
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

_PATH = Path(__file__).parents[1] / "journeys" / "conftest.py"
_spec = spec_from_file_location("journeys_for_attacks", _PATH)
assert _spec is not None
assert _spec.loader is not None
journeys = sys.modules[_spec.name] = module_from_spec(_spec)
_spec.loader.exec_module(journeys)

site = journeys.site
another_site = journeys.another_site
starting = journeys.starting
unique = journeys.unique

_SECONDS = 40.0


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
    first = site.filled("open/r.git")
    for path in ("team/r.git", "secret/r.git", "guarded/r.git"):
        shutil.copytree(first, site.root / path)
    yield site
    code, log = site.daemon.close(), site.daemon.log()
    assert code == 0
    assert "Traceback" not in log
    assert re.findall(r"[^\n\x20-\x7e\x80-\U0010ffff]", log) == []


@pytest.fixture
def connect() -> Callable[..., socket.socket]:
    """A socket to a door of a site, with TLS for https, and with nothing said on it yet. `source` is its own address,
    any of 127.0.0.0/8."""

    def connected(
        site: Any, transport: str, *, buffer_bytes: int | None = None, source: str = "127.0.0.1"
    ) -> socket.socket:
        plain = socket.socket()
        plain.bind((source, 0))
        if buffer_bytes is not None:  # what the kernel may keep of what was not read
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        plain.settimeout(_SECONDS)
        plain.connect(("127.0.0.1", int(site.daemon.urls[transport].rpartition(":")[2])))
        if transport != "https":
            return plain
        return ssl.create_default_context(cafile=site.folder / "tls.crt").wrap_socket(
            plain, server_hostname="localhost"
        )

    return connected


@pytest.fixture
def say(connect: Callable[..., socket.socket]) -> Callable[..., bytes]:
    """All that a door answers to some bytes until it closes. Who is refused says then that nothing more will come."""

    def said(site: Any, transport: str, data: bytes, *, source: str = "127.0.0.1") -> bytes:
        answer = b""
        with connect(site, transport, source=source) as client:
            try:
                client.sendall(data)
                while piece := client.recv(65536):
                    if not answer and piece.startswith(b"HTTP/1.1 4"):
                        with suppress(OSError):  # it may have closed already
                            client.shutdown(socket.SHUT_WR)
                    answer += piece
            except ConnectionError:
                pass
        return answer

    return said
