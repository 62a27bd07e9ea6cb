"""The contract of each hook in short, through the chain that asks real plugins. `test_plugin_chain.py` has the rest."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitgate.plugin import (
    Access,
    Allow,
    AuditRecord,
    Credentials,
    Deny,
    Finding,
    GitRequest,
    Hooks,
    Identity,
    Missing,
    Password,
    Peer,
    RefChange,
    RefUpdate,
    Rejected,
    Repository,
    Verdict,
    hookimpl,
)
from gitgate.plugin_asking import PluginFailure
from gitgate.plugin_chain import PluginChain, Ruling
from gitgate.plugin_registration import Member
from gitgate.testing import a_fetch, a_peer, a_push, a_repository, an_identity
from gitgate.testing.waiting_loop import WaitingLoop

LOGIN = Password(username="alice", password="wonderland")
ALICE = an_identity("alice")
RECORD = AuditRecord(
    time=datetime(2026, 1, 2, tzinfo=UTC),
    request_id="req-1",
    peer=a_peer(),
    verdict=Verdict.COMPLETED,
    reason="fine",
    duration_seconds=0.5,
)

Asked = list[tuple[str, tuple[Any, ...]]]


class Everything:
    """Implements every hook with all of its arguments, notes what it was asked, and gives one answer, or raises it."""

    def __init__(self, name: str, asked: Asked, answer: Any = None) -> None:
        self.name, self.asked, self.answer = name, asked, answer

    def _note(self, *question: Any) -> Any:
        self.asked.append((self.name, question))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @hookimpl
    def authenticate(self, credentials: Credentials, peer: Peer) -> Any:
        return self._note(credentials, peer)

    @hookimpl
    def enrich_identity(self, identity: Identity, peer: Peer) -> Any:
        return self._note(identity, peer)

    @hookimpl
    def resolve_path(self, identity: Identity, request: GitRequest) -> Any:
        return self._note(identity, request)

    @hookimpl
    def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Any:
        return self._note(identity, request, repository)

    @hookimpl
    def create_repository(self, identity: Identity, request: GitRequest, repository: Repository) -> Any:
        return self._note(identity, request, repository)

    @hookimpl
    def list_repositories(self, identity: Identity) -> Any:
        return self._note(identity)

    @hookimpl
    def check_online(self) -> Any:
        return self._note()

    @hookimpl
    def audited(self, record: AuditRecord) -> None:
        self._note(record)

    @hookimpl
    def started(self) -> None:
        self._note()

    @hookimpl
    def stopping(self) -> None:
        self._note()


class Chain:
    """Plugins that give these answers, called "1", "2" and so on. `asked` tells who was asked what, in order."""

    def __init__(self, *answers: Any) -> None:
        self.asked: Asked = []
        self._loop = WaitingLoop()
        plugins = {str(number): Everything(str(number), self.asked, it) for number, it in enumerate(answers, start=1)}
        members = [Member(name=name, plugin=plugin) for name, plugin in plugins.items()]
        self._chain = PluginChain(members, self._loop.reactor)
        self._loop.run(self._chain.start())
        self.told_at_start = list(self.asked)
        self.asked.clear()

    def __getattr__(self, hook: str) -> Callable[..., Any]:
        return lambda *question: self._loop.run(getattr(self._chain, hook)(*question))


DECISIONS = [
    ("authenticate", (LOGIN, a_peer()), ALICE, Rejected("wrong password")),
    ("resolve_path", (ALICE, a_fetch()), a_repository(), Missing("nothing there")),
    ("authorize", (ALICE, a_push(), a_repository()), Allow("a developer"), Deny("not a developer", "Ask Bob.")),
]


@pytest.mark.parametrize(("hook", "question", "success", "refusal"), DECISIONS)
def test_each_decision_is_the_first_that_is_not_none(hook: str, question: Any, success: Any, refusal: Any) -> None:
    for decision, other in ((success, refusal), (refusal, success)):
        chain = Chain(None, decision, other)
        assert getattr(chain, hook)(*question) == Ruling("2", decision)
        assert chain.asked == [("1", question), ("2", question)]
    assert getattr(Chain(None, None), hook)(*question) is None


@pytest.mark.parametrize(("hook", "question", "success", "refusal"), DECISIONS)
def test_each_failure_ends_the_chain(hook: str, question: Any, success: Any, refusal: Any) -> None:
    for failure in (OSError("down"), False, "yes", Verdict.DENIED):
        chain = Chain(None, failure, success)
        with pytest.raises(PluginFailure, match=f"^2: {hook} "):
            getattr(chain, hook)(*question)
        assert chain.asked == [("1", question), ("2", question)]


def test_hook_authenticate_names_who_presents_the_credentials() -> None:
    somebody = Identity(name="Alice Liddell", groups=frozenset({"devs"}), attributes={"mail": "alice@example.org"})
    assert Chain(somebody).authenticate(LOGIN, a_peer()) == Ruling("1", somebody)


def test_hook_enrich_identity_asks_every_plugin_with_what_the_one_before_returned() -> None:
    with_devs, with_both = an_identity("alice", "devs"), an_identity("alice", "devs", "admins")
    chain = Chain(with_devs, None, with_both)
    assert chain.enrich_identity(ALICE, a_peer()) == with_both
    assert chain.asked == [("1", (ALICE, a_peer())), ("2", (with_devs, a_peer())), ("3", (with_devs, a_peer()))]


def test_hook_enrich_identity_stops_at_a_refusal() -> None:
    chain = Chain(None, Rejected("has left"), ALICE)
    assert chain.enrich_identity(ALICE, a_peer()) == Ruling("2", Rejected("has left"))
    assert [name for name, _ in chain.asked] == ["1", "2"]


def test_hook_resolve_path_names_the_repository() -> None:
    repository = Repository(directory=Path("/srv/a.git"), name="a", environment={"SITE": "1"}, exists=False)
    assert Chain(repository).resolve_path(ALICE, a_push("/a", access=Access.CREATE)) == Ruling("1", repository)


def test_hook_authorize_may_refuse_single_refs_of_a_push() -> None:
    command = RefUpdate(ref="refs/heads/main", old="0" * 40, new="1" * 40, change=RefChange.CREATE)
    refused = Deny("protected", refs=("refs/heads/main",))
    chain = Chain(refused)
    assert chain.authorize(ALICE, a_push(updates=(command,)), a_repository()) == Ruling("1", refused)
    assert chain.asked == [("1", (ALICE, a_push(updates=(command,)), a_repository()))]


PLANNED = a_repository("users/alice/new", exists=False)
CREATION = (ALICE, a_push("/users/alice/new", access=Access.CREATE), PLANNED)


def test_hook_create_repository_is_answered_by_the_first_plugin_that_makes_it() -> None:
    made = replace(PLANNED, exists=True, environment={"SITE": "1"})
    chain = Chain(None, made, None)
    assert chain.create_repository(*CREATION) == Ruling("2", made)
    assert chain.asked == [("1", CREATION), ("2", CREATION)]
    assert Chain(None, None).create_repository(*CREATION) is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (PLANNED, "returned a repository with exists=False"),
        (a_repository("users/bob/new"), "returned 'users/bob/new' at /srv/git/users/bob/new.git, and not"),
        (
            replace(PLANNED, exists=True, directory=Path("/srv/other.git")),
            "returned 'users/alice/new' at /srv/other.git",
        ),
        (Path("/srv/git/users/alice/new.git"), "returned PosixPath, not one of Repository or None"),
        (True, "returned bool"),
        (OSError("disk full"), "raised OSError: disk full"),
    ],
)
def test_hook_create_repository_fails_unless_it_returns_what_was_authorized(answer: Any, why: str) -> None:
    chain = Chain(answer, replace(PLANNED, exists=True))
    with pytest.raises(PluginFailure, match=f"^1: create_repository {why}"):
        chain.create_repository(*CREATION)
    assert chain.asked == [("1", CREATION)]


def test_hook_list_repositories_gives_the_paths_of_all_plugins_each_once() -> None:
    chain = Chain(("/a", "/b"), None, ["/b", "/c"], [])
    assert chain.list_repositories(ALICE) == ["/a", "/b", "/c"]
    assert chain.asked == [(name, (ALICE,)) for name in "1234"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (OSError("down"), "raised OSError: down"),
        ("/abc", "returned a str, where a sequence of paths belongs"),
        (["/a", 1], "returned a sequence that holds 1, which is not a str"),
        ({"/a"}, "returned set, not one of Sequence or None"),
        (b"/a", "returned a sequence that holds 47, which is not a str"),
    ],
)
def test_hook_list_repositories_is_for_nothing_where_one_plugin_fails(answer: Any, why: str) -> None:
    """What the others list would look like all that there is."""
    with pytest.raises(PluginFailure, match=f"^1: list_repositories {re.escape(why)}"):
        Chain(answer, ["/b"]).list_repositories(ALICE)


FINE, DOWN = Finding("ldaps://one answers"), Finding("ldaps://two does not answer", is_problem=True)


def test_hook_check_online_gathers_what_every_plugin_finds() -> None:
    chain = Chain([FINE, DOWN], None, (FINE,), [])
    assert chain.check_online() == [("1", (FINE, DOWN)), ("2", ()), ("3", (FINE,)), ("4", ())]
    assert chain.asked == [(name, ()) for name in "1234"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (OSError("down"), "raised OSError: down"),
        ("all is well", "returned a str, where a sequence of findings belongs"),
        (["all is well"], "returned a sequence that holds 'all is well', which is not a Finding"),
        ([None], "returned a sequence that holds None, which is not a Finding"),
        (FINE, "returned Finding, not one of Sequence or None"),
    ],
)
def test_hook_check_online_takes_a_failure_for_a_problem_of_that_plugin(answer: Any, why: str) -> None:
    failed = Finding(f"check_online {why}", is_problem=True)
    assert Chain(answer, [FINE]).check_online() == [("1", (failed,)), ("2", (FINE,))]


def test_hook_audited_tells_everybody_although_one_fails() -> None:
    chain = Chain(OSError("disk full"), None)
    chain.audited(RECORD)
    assert chain.asked == [("1", (RECORD,)), ("2", (RECORD,))]


def test_hook_started_tells_everybody_although_one_fails() -> None:
    assert Chain(OSError("no"), None).told_at_start == [("1", ()), ("2", ())]


def test_hook_stopping_tells_everybody_although_one_fails() -> None:
    chain = Chain(OSError("no"), None)
    chain.stop()
    assert chain.asked == [("1", ()), ("2", ())]


def test_the_plugin_above_implements_every_hook_with_all_arguments() -> None:
    """Otherwise an argument that the chain forgets to pass would be missed by no test."""
    hooks = {name: spec for name, spec in vars(Hooks).items() if not name.startswith("_")}
    for name, spec in hooks.items():
        code = getattr(Everything, name).__code__
        assert code.co_varnames[: code.co_argcount] == spec.__code__.co_varnames[: spec.__code__.co_argcount]
