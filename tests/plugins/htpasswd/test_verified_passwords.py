"""A password that was right is not hashed again for a while; one that was wrong always is."""

import base64
from collections.abc import Callable
from hashlib import sha1

import pytest
from gitgate_htpasswd import HtpasswdPlugin
from gitgate_htpasswd.hashes import Hash

from gitgate.plugin import Identity, Rejected


def line(password: str) -> str:
    return f"alice:{{SHA}}{base64.b64encode(sha1(password.encode()).digest()).decode()}\n"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passwords that are hashed."""
    seen: list[bytes] = []
    fits = Hash.fits
    monkeypatch.setattr(Hash, "fits", lambda self, password: seen.append(password) or fits(self, password))
    return seen


def test_a_right_password_is_hashed_once(load: Callable[..., HtpasswdPlugin], log_in, hashed) -> None:
    plugin = load(line("secret"))
    assert [type(log_in(plugin, "alice", "secret")) for _ in range(3)] == [Identity] * 3
    assert hashed == [b"secret"]


def test_a_wrong_password_is_hashed_each_time_and_never_remembered(load, log_in, hashed) -> None:
    plugin = load(line("secret"))
    log_in(plugin, "alice", "secret")
    for _ in range(2):
        assert log_in(plugin, "alice", "guess") == Rejected("wrong password")
    assert hashed == [b"secret", b"guess", b"guess"]


def test_it_is_forgotten_in_time(load, log_in, hashed, advance) -> None:
    plugin = load(line("secret"))
    for _ in range(2):
        log_in(plugin, "alice", "secret")
        advance(301)
    assert hashed == [b"secret", b"secret"]


def test_a_password_ends_with_its_line(load, log_in, users_file, advance) -> None:
    """1. A password has leaked. 2. Its user gets another one. 3. Whoever has the old one must not be logged in."""
    plugin = load(line("leaked"))
    assert isinstance(log_in(plugin, "alice", "leaked"), Identity)
    users_file.write_text(line("fresh") + "#\n")
    advance(2)
    assert log_in(plugin, "alice", "leaked") == Rejected("wrong password")
    assert isinstance(log_in(plugin, "alice", "fresh"), Identity)


def test_a_password_of_one_user_is_not_that_of_another(load, log_in) -> None:
    plugin = load(line("secret") + line("other").replace("alice", "bob"))
    assert isinstance(log_in(plugin, "alice", "secret"), Identity)
    assert log_in(plugin, "bob", "secret") == Rejected("wrong password")
