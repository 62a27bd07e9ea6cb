"""Tests that every plugin of a kind should pass. Inherit from one in a test module, and give it your plugin.

class TestMyPlugin(AuthenticatorContract):
    def plugin(self):
        return MyPlugin(Settings(...))

    known = Password(username="alice", password="correct")
    name = "alice"
"""

import pytest

from gitgate.plugin import (
    Allow,
    Deny,
    GitRequest,
    Identity,
    Missing,
    Password,
    Rejected,
    Repository,
)
from gitgate.testing.builders import a_fetch, an_identity
from gitgate.testing.probe import Probe

#: Names that mean something to a directory's filter, a shell, a path or a log, and nobody's name here.
HOSTILE_NAMES = ("*", "a)(uid=*", "x,dc=evil", "\0", "a\nb", "../../etc/passwd", "$(id)", "a:b", "ü" * 300, "-o", " ")


class AuthenticatorContract:
    """For plugins that answer `authenticate` for passwords: `known` logs in, as `name`."""

    known: Password
    name: str

    def plugin(self) -> object:
        """A new plugin that knows `known`."""
        raise NotImplementedError

    def test_the_right_password_logs_in(self) -> None:
        answer = Probe(self.plugin()).authenticate(self.known)
        assert isinstance(answer, Identity)
        assert answer.name == self.name

    @pytest.mark.parametrize("wrong", ["", " ", "wrong", "\0", "wrong" * 1000])
    def test_a_wrong_password_is_rejected(self, wrong: str) -> None:
        answer = Probe(self.plugin()).authenticate(Password(username=self.known.username, password=wrong))
        assert isinstance(answer, Rejected)

    def test_the_password_with_something_after_it_is_rejected(self) -> None:
        longer = Password(username=self.known.username, password=self.known.password + "\0x")
        assert isinstance(Probe(self.plugin()).authenticate(longer), Rejected)

    @pytest.mark.parametrize("password", ["", "x", "correct"])
    def test_somebody_unknown_is_left_to_other_plugins(self, password: str) -> None:
        assert Probe(self.plugin()).authenticate(Password(username="nobody-of-that-name", password=password)) is None

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    def test_a_name_is_data(self, name: str) -> None:
        answer = Probe(self.plugin()).authenticate(Password(username=name, password=self.known.password))
        assert not isinstance(answer, Identity)

    def test_the_password_shows_nowhere(self, caplog: pytest.LogCaptureFixture) -> None:
        plugin = self.plugin()
        secret = "b4d-" + self.known.password
        with caplog.at_level("DEBUG"):
            answer = Probe(plugin).authenticate(Password(username=self.known.username, password=secret))
        assert secret not in repr(answer) + caplog.text + repr(plugin)


class ResolverContract:
    """For plugins that answer `resolve_path`: `known` leads to a repository."""

    known: GitRequest

    def plugin(self) -> object:
        """A new plugin that knows `known`."""
        raise NotImplementedError

    def test_a_known_path_leads_to_a_directory(self) -> None:
        answer = Probe(self.plugin()).resolve_path(an_identity(), self.known)
        assert isinstance(answer, Repository)
        assert answer.directory.is_absolute()

    @pytest.mark.parametrize(
        "path",
        ["/../etc", "/a/../../etc", "/.git", "/a/./b", "//etc", "/a\0b", "/nothing-of-that-name", "/" + "x/" * 999],
    )
    def test_any_other_path_leads_nowhere(self, path: str) -> None:
        answer = Probe(self.plugin()).resolve_path(an_identity(), a_fetch(path))
        assert answer is None or isinstance(answer, Missing)


class AuthorizerContract:
    """For plugins that answer `authorize`: `allowed` and `denied` are who asks for what."""

    allowed: tuple[Identity, GitRequest]
    denied: tuple[Identity, GitRequest]

    def plugin(self) -> object:
        """A new plugin."""
        raise NotImplementedError

    def test_what_is_allowed_is_allowed_with_a_reason(self) -> None:
        answer = Probe(self.plugin()).authorize(*self.allowed)
        assert isinstance(answer, Allow)
        assert answer.reason

    def test_what_is_denied_is_not_allowed(self) -> None:
        answer = Probe(self.plugin()).authorize(*self.denied)
        assert answer is None or isinstance(answer, Deny)
