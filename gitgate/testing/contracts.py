"""Tests that every plugin of a kind should pass. Inherit from one in a test module, and give it your plugin.

    class TestMyPlugin(AuthenticatorContract):
        known = Password(username="alice", password="open sesame 7!")
        name = "alice"

        @pytest.fixture
        def plugin(self, tmp_path: Path) -> MyPlugin:
            return MyPlugin(Settings(...))

The fixture `plugin` makes a new plugin for each test; it may use other fixtures. The tests ask through `probe`.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from gitgate.plugin import (
    ANONYMOUS,
    Access,
    Allow,
    BearerToken,
    Deny,
    GitRequest,
    Identity,
    Missing,
    Password,
    PublicKey,
    RefChange,
    RefUpdate,
    Rejected,
    Repository,
    Service,
)
from gitgate.testing.builders import a_fetch, an_identity
from gitgate.testing.probe import Probe

#: Names that mean something to a directory's filter, a shell, a path, a file's lines or a log, and nobody's name here.
HOSTILE_NAMES: Final = (
    *("*", "a)(uid=*", "x,dc=evil", "\0", "a\nb", "../../etc/passwd", "$(id)", "a:b", "ü" * 300, "-o", " ", "#"),
)


class PluginContract:
    """What the contracts have in common: a plugin behind a `Probe`."""

    @pytest.fixture
    def probe(self, plugin: object) -> Iterator[Probe]:
        """The plugin, as a server asks it."""
        probe = Probe(plugin)
        yield probe
        probe.close()


class AuthenticatorContract(PluginContract):
    """For plugins that answer `authenticate` for passwords: `known` logs in, as `name`.

    Take a password that can be found again: no word that a log would have anyway.
    """

    known: Password
    name: str

    def test_the_right_password_logs_in(self, probe: Probe) -> None:
        answer = probe.authenticate(self.known)
        assert isinstance(answer, Identity), answer
        assert answer.name == self.name

    @pytest.mark.parametrize("wrong", ["", " ", "wrong", "\0", "wrong" * 1000, "ü€😀"])
    def test_a_wrong_password_is_rejected(self, probe: Probe, wrong: str) -> None:
        assert isinstance(probe.authenticate(replace(self.known, password=wrong)), Rejected)

    def test_neither_more_nor_less_than_the_password_is_accepted(self, probe: Probe) -> None:
        """A hash that cuts its input off, at a NUL or somewhere else, takes the one for the other."""
        right = self.known.password
        for wrong in (right + "\0x", right + "\n", " " + right, right[:-1], right.swapcase()):
            if wrong != right:
                assert isinstance(probe.authenticate(replace(self.known, password=wrong)), Rejected), repr(wrong)

    @pytest.mark.parametrize("password", ["", "x", None], ids=["empty", "some", "somebody else's"])
    def test_somebody_unknown_is_left_to_other_plugins(self, probe: Probe, password: str | None) -> None:
        password = self.known.password if password is None else password
        assert probe.authenticate(Password(username="nobody-of-that-name", password=password)) is None

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    def test_a_name_is_data(self, probe: Probe, name: str) -> None:
        """A name must not become somebody else's in a filter or a path, nor make the plugin fail: that is an outage."""
        assert not isinstance(probe.authenticate(replace(self.known, username=name)), Identity)

    def test_a_login_changes_nothing_for_the_next(self, probe: Probe) -> None:
        """What is kept of one login, in a cache or a connection, must not let the next one in."""
        wrong = replace(self.known, password="?" + self.known.password)
        answers = [probe.authenticate(credentials) for credentials in (wrong, self.known, wrong, self.known)]
        assert [type(answer) for answer in answers] == [Rejected, Identity, Rejected, Identity]

    def test_a_password_is_neither_a_key_nor_a_token(self, probe: Probe) -> None:
        secret = self.known.password
        key = PublicKey(
            username=self.known.username,
            algorithm="ssh-ed25519",
            blob=secret.encode(),
            fingerprint="SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            verified=True,
        )
        for credentials in (key, BearerToken(token=secret)):
            assert not isinstance(probe.authenticate(credentials), Identity)

    def test_the_password_shows_nowhere(
        self, probe: Probe, plugin: object, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        typed = "b4d-" + self.known.password
        with caplog.at_level("DEBUG"):
            answers = [probe.authenticate(replace(self.known, password=it)) for it in (typed, self.known.password)]
        assert self.known.password not in repr(answers) + repr(plugin) + caplog.text + "".join(capfd.readouterr())


class ResolverContract(PluginContract):
    """For plugins that answer `resolve_path`: `known` leads to a repository."""

    known: GitRequest

    def test_a_known_path_leads_to_a_directory(self, probe: Probe) -> None:
        answer = probe.resolve_path(an_identity(), self.known)
        assert isinstance(answer, Repository), answer

    def test_a_repository_has_one_name_however_it_is_asked_for(self, probe: Probe) -> None:
        """A rule denies `team/secret`; if `/team/secret.git` leads to the same place by another name, none matches."""
        bare = self.known.path.removesuffix(".git")
        asked = [bare, bare + ".git", bare + ".git.git", bare + ".GIT", bare.upper(), bare + "/.git", bare + "."]
        answers = [probe.resolve_path(an_identity(), replace(self.known, path=path)) for path in asked]
        names = {answer.directory: set[str]() for answer in answers if isinstance(answer, Repository)}
        for answer in answers:
            if isinstance(answer, Repository):
                names[answer.directory].add(answer.name)
        assert names
        assert all(len(each) == 1 for each in names.values()), names

    @pytest.mark.parametrize(
        "path",
        ["/nothing-of-that-name", "/.git", "/-", "/~root", "/a\\..\\b", "/%2e%2e/etc", "/ü €", "/" + "x" * 255],
        ids=ascii,
    )
    def test_any_other_path_leads_nowhere(self, probe: Probe, path: str) -> None:
        """Everybody can ask for such a path: one that makes the plugin fail would fill the log with outages."""
        answer = probe.resolve_path(ANONYMOUS, a_fetch(path))
        assert answer is None or isinstance(answer, Missing)

    def test_the_longest_path_leads_nowhere(self, probe: Probe) -> None:
        answer = probe.resolve_path(ANONYMOUS, a_fetch("/" + "x/" * 2047 + "x"))
        assert answer is None or isinstance(answer, Missing)

    @pytest.mark.parametrize("inside", ["HEAD", "objects", "refs/heads", "hooks", "nothing.git"])
    def test_the_inside_of_a_repository_is_not_served(self, probe: Probe, inside: str) -> None:
        answer = probe.resolve_path(an_identity(), replace(self.known, path=f"{self.known.path}/{inside}"))
        assert answer is None or isinstance(answer, Missing)


class AuthorizerContract(PluginContract):
    """For plugins that answer `authorize`: `allowed` and `denied` are who asks for what.

    `denied` may be denied, or left to other plugins.
    """

    allowed: tuple[Identity, GitRequest]
    denied: tuple[Identity, GitRequest]

    def test_what_is_allowed_is_allowed_with_a_reason(self, probe: Probe) -> None:
        answer = probe.authorize(*self.allowed)
        assert isinstance(answer, Allow), answer
        assert answer.reason

    def test_what_is_denied_is_not_allowed(self, probe: Probe) -> None:
        answer = probe.authorize(*self.denied)
        if answer is not None:
            assert isinstance(answer, Deny), answer
            assert answer.reason
            assert answer.message is None or answer.message.isprintable(), "a terminal shows it to whoever is denied"

    def test_a_vote_changes_nothing_for_the_next(self, probe: Probe) -> None:
        """What is kept of one vote, in a cache for example, must not answer another question."""
        asked = (self.denied, self.allowed, self.denied, self.allowed)
        answers = [isinstance(probe.authorize(*question), Allow) for question in asked]
        assert answers == [False, True, False, True]

    @pytest.mark.parametrize("service", Service)
    @pytest.mark.parametrize("identity", [an_identity("eve", "x" * 999), ANONYMOUS], ids=["eve", "anonymous"])
    def test_every_question_has_an_answer(self, probe: Probe, identity: Identity, service: Service) -> None:
        """Whoever can make a plugin fail can make an outage of it. `authorize` raises here where the plugin does."""
        request = replace(self.allowed[1], service=service, access=service.access)
        probe.authorize(identity, request)
        if service.access is Access.WRITE:
            command = RefUpdate(ref="refs/heads/ü", old="0" * 40, new="1" * 40, change=RefChange.CREATE)
            probe.authorize(identity, replace(request, access=Access.CREATE))
            probe.authorize(identity, replace(request, updates=(command,)))
