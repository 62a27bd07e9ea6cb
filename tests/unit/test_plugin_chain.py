"""The chain asks plugins in the operator's order, until one has decided."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chain_of_plugins import ALICE, LOGIN, Answers, AnswersAsync, Chain, Paths, both
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from gitgate.plugin import (
    Allow,
    AuditRecord,
    BearerToken,
    Credentials,
    Deny,
    Finding,
    GitRequest,
    Identity,
    Password,
    Peer,
    PublicKey,
    Rejected,
    Repository,
    hookimpl,
)
from gitgate.plugin_asking import PluginFailure
from gitgate.plugin_chain import PluginChain, Ruling, Vote
from gitgate.plugin_registration import Member, PluginUnsuitable
from gitgate.testing import a_fetch, a_peer, a_repository, an_identity
from gitgate.testing.waiting_loop import WaitingLoop


@both
def test_the_first_answer_decides_and_names_its_plugin(kind: type[Answers]) -> None:
    asked: list[str] = []
    chain = Chain(
        Member(name="first", plugin=kind(None, asked, "first")),
        Member(name="second", plugin=kind(ALICE, asked, "second")),
        Member(name="third", plugin=kind(Rejected("late"), asked, "third")),
    )
    assert chain.authenticate() == Ruling("second", ALICE)
    assert asked == ["first", "second"]


@both
def test_a_refusal_is_an_answer(kind: type[Answers]) -> None:
    asked: list[str] = []
    assert Chain(kind(Rejected("wrong")), kind(ALICE, asked, "never")).authenticate() == Ruling("p0", Rejected("wrong"))
    assert asked == []


@both
def test_when_all_abstain_there_is_no_ruling(kind: type[Answers]) -> None:
    assert Chain(kind(None), kind(None)).authenticate() is None


def test_an_async_plugin_that_abstains_does_not_end_the_chain() -> None:
    """With pluggy's firstresult, the coroutine of the first plugin, which is not None, would be the answer."""
    assert Chain(AnswersAsync(None), Answers(ALICE)).authenticate() == Ruling("p1", ALICE)


@both
def test_with_on_error_abstain_the_next_plugin_is_asked(kind: type[Answers], caplog: pytest.LogCaptureFixture) -> None:
    broken = Member(name="corp", plugin=kind(OSError("down")), abstain_on_error=True)
    assert Chain(broken, kind(ALICE)).authenticate() == Ruling("p1", ALICE)
    assert "corp: authenticate raised OSError: down; it abstains (on_error)" in caplog.messages


class SwallowsItsCancellation:
    @hookimpl
    async def authenticate(self, credentials: Credentials, peer: Peer) -> Identity | None:
        try:
            await Deferred()
        except Exception:
            pass
        return None


def test_when_the_client_goes_nobody_else_is_asked() -> None:
    asked: list[str] = []
    members = [
        Member(name="first", plugin=SwallowsItsCancellation()),
        Member(name="second", plugin=AnswersAsync(ALICE, asked, "second")),
    ]
    chain = PluginChain(members, Clock())  # type: ignore[arg-type]
    outcome: list[Any] = []
    asking = Deferred.fromCoroutine(chain.authenticate(LOGIN, a_peer()))
    asking.addBoth(outcome.append)
    asking.cancel()
    assert outcome[0].check(CancelledError)
    assert asked == []


class KeysOnly(Answers):
    accepts = (PublicKey,)


def test_a_plugin_is_asked_only_about_the_credentials_it_accepts() -> None:
    chain = Chain(KeysOnly(Rejected("not asked about passwords")), Answers(ALICE))
    assert chain.authenticate() == Ruling("p1", ALICE)


def test_what_may_be_offered_is_what_some_plugin_accepts() -> None:
    assert Chain(KeysOnly(None)).chain.accepted == {PublicKey}
    assert Chain(KeysOnly(None), Answers(None)).chain.accepted == {Password, PublicKey, BearerToken}
    assert Chain(Paths()).chain.accepted == frozenset()


def test_an_instance_can_be_restricted_to_some_hooks() -> None:
    chain = Chain(Member(name="both", plugin=Both(ALICE), hooks=frozenset({"authorize"})))
    assert chain.authenticate() is None
    assert chain.chain.accepted == frozenset()


def test_an_instance_that_is_restricted_still_starts_and_stops_and_is_looked_at() -> None:
    """A webhook for `authorize` only would otherwise be asked without ever having opened its connections."""
    told: list[str] = []
    chain = Chain(Member(name="policy", plugin=Listens(told), hooks=frozenset({"audited"})))
    assert chain.loop.run(chain.chain.check_online()) == [("policy", (Finding("it is there"),))]
    chain.loop.run(chain.chain.stop())
    assert told == ["started", "stopping"]


def test_one_plugin_can_be_asked_alone_and_only_what_it_is_configured_for() -> None:
    chain = Chain(Answers(ALICE), Answers("yes"), Member(name="no", plugin=Answers(ALICE), hooks=frozenset()))
    question = {"credentials": LOGIN, "peer": a_peer()}
    assert chain.loop.run(chain.chain.ask("p0", "authenticate", **question)) == ALICE
    assert chain.loop.run(chain.chain.ask("p0", "check_online")) is None
    assert chain.loop.run(chain.chain.ask("no", "authenticate", **question)) is None
    with pytest.raises(PluginFailure, match="^p1: authenticate returned str"):
        chain.loop.run(chain.chain.ask("p1", "authenticate", **question))


class Notes:
    """A witness."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def asked(self, plugin: str, hook: str) -> None:
        self.seen.append((plugin, hook))

    def answered(self, plugin: str, hook: str, answer: object) -> None:
        self.seen.append((plugin, hook, answer))


def test_a_witness_sees_who_is_asked_what_each_says_and_who_is_not_asked() -> None:
    told: list[str] = []
    members = [
        Member(name="keys", plugin=KeysOnly(ALICE)),
        Member(name="down", plugin=Answers(OSError("down")), abstain_on_error=True),
        Member(name="late", plugin=Listens(told, fails=True)),
        Member(name="known", plugin=Answers(ALICE)),
        Member(name="never", plugin=Answers(ALICE)),
    ]
    notes, loop = Notes(), WaitingLoop()
    chain = PluginChain(members, loop.reactor, notes)

    loop.run(chain.start())
    loop.run(chain.authenticate(LOGIN, a_peer()))

    started, start_failed, down, down_failed, *rest = notes.seen
    assert (started, start_failed[:2], str(start_failed[2])) == (
        ("late", "started"),
        ("late", "started"),
        "late: started raised OSError: no",
    )
    assert (down, str(down_failed[2])) == (("down", "authenticate"), "down: authenticate raised OSError: down")
    assert rest == [("known", "authenticate"), ("known", "authenticate", ALICE)]
    assert chain.answering("authenticate") == ("keys", "down", "known", "never")
    assert chain.answering("authenticate", credentials=LOGIN) == ("down", "known", "never")


def test_a_restriction_to_a_hook_that_is_not_there_is_refused() -> None:
    """A veto whose hook is misspelled would never be asked."""
    with pytest.raises(PluginUnsuitable, match="does not implement autorize"):
        Chain(Member(name="veto", plugin=Both(None), hooks=frozenset({"autorize", "authenticate"})))


class Both(Answers):
    @hookimpl
    def authorize(self, identity: Identity) -> None: ...


class Groups:
    def __init__(self, answer: Callable[[Identity], Any]) -> None:
        self.answer = answer

    @hookimpl
    def enrich_identity(self, identity: Identity) -> Any:  # a hook may leave arguments out
        return self.answer(identity)


def _adds(*groups: str) -> Groups:
    return Groups(lambda identity: Identity(name=identity.name, groups=identity.groups | set(groups)))


def test_every_plugin_enriches_what_the_one_before_returned() -> None:
    chain = Chain(_adds("devs"), Groups(lambda _: None), _adds("admins"))
    assert chain.loop.run(chain.chain.enrich_identity(ALICE, a_peer())) == an_identity("alice", "devs", "admins")


def test_one_plugin_can_reject_an_account_that_another_one_knows() -> None:
    chain = Chain(_adds("devs"), Groups(lambda _: Rejected("disabled")), _adds("admins"))
    assert chain.loop.run(chain.chain.enrich_identity(ALICE, a_peer())) == Ruling("p1", Rejected("disabled"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _: Identity(name="root"), "renamed 'alice' to 'root'"),
        (lambda identity: Identity(name=identity.name), "took groups away from 'alice'"),
        (lambda _: True, "returned bool"),
    ],
)
def test_enriching_neither_renames_nor_takes_away(answer: Callable[[Identity], Any], why: str) -> None:
    chain = Chain(Groups(answer))
    with pytest.raises(PluginFailure, match=why):
        chain.loop.run(chain.chain.enrich_identity(an_identity("alice", "devs"), a_peer()))


class Votes:
    @hookimpl
    def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Allow | Deny | None:
        return Deny(f"{identity.name} {request.service.value} {repository.name}")


def test_a_vote_is_asked_with_who_what_and_where() -> None:
    chain = Chain(Votes())
    ruling = chain.loop.run(chain.chain.authorize(ALICE, a_fetch(), a_repository("x")))
    assert ruling == Ruling("p0", Deny("alice git-upload-pack x"))


class Listens:
    def __init__(self, told: list[str], fails: bool = False) -> None:
        self.told, self.fails = told, fails

    @hookimpl
    def started(self) -> None:
        self.told.append("started")
        if self.fails:
            raise OSError("no")

    @hookimpl
    async def stopping(self) -> None:
        self.told.append("stopping")

    @hookimpl
    def check_online(self) -> list[Finding]:
        return [Finding("it is there")]

    @hookimpl
    def audited(self, record: AuditRecord) -> None:
        raise AssertionError("not told in this test")


def test_everybody_is_told_although_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    chain = Chain(Listens(told, fails=True), Listens(told))
    chain.loop.run(chain.chain.stop())
    assert told == ["started", "started", "stopping", "stopping"]
    assert "p0: started raised OSError: no; nothing depends on it" in caplog.messages


class Misspelled:
    @hookimpl
    def authentcate(self, credentials: Credentials) -> None: ...


class WrongArgument:
    @hookimpl
    def authenticate(self, password: str) -> None: ...


class First:
    @hookimpl(tryfirst=True)
    def authorize(self, identity: Identity) -> None: ...


class Wrapper:
    @hookimpl(wrapper=True)
    def authorize(self, identity: Identity) -> Any:
        return (yield)


class AcceptsNonsense(Answers):
    accepts = (str,)


@pytest.mark.parametrize(
    ("plugin", "why"),
    [
        (Misspelled(), "there is no hook 'authentcate'; did you mean 'authenticate'"),
        (WrongArgument(), r"^odd: authenticate has no argument 'password' \(arguments: credentials, peer\)$"),
        (First(), "authorize asks for a place in the order"),
        (Wrapper(), "authorize asks for a place in the order"),
        (AcceptsNonsense(None), "`accepts` must be a tuple"),
    ],
)
def test_a_plugin_that_cannot_be_asked_is_refused_when_it_is_loaded(plugin: object, why: str) -> None:
    with pytest.raises(PluginUnsuitable, match=why) as caught:
        PluginChain([Member(name="odd", plugin=plugin)], WaitingLoop().reactor)
    assert caught.value.plugin == "odd"


class Judge:
    def __init__(self, answer: object) -> None:
        self._answer = answer

    @hookimpl
    def authorize(self, identity: Identity) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def votes(*answers: object) -> list[tuple[str, object, bool]]:
    chain = Chain(*map(Judge, answers))
    given = chain.loop.run(chain.chain.votes("authorize", identity=ALICE, request=a_fetch(), repository=a_repository()))
    assert all(isinstance(vote, Vote) for vote in given)
    return [
        (vote.plugin, str(vote.answer) if isinstance(vote.answer, PluginFailure) else vote.answer, vote.decides)
        for vote in given
    ]


def test_all_votes_are_told_and_the_first_that_is_not_none_decides() -> None:
    assert votes(None, Deny("no"), None, Allow("yes")) == [
        ("p0", None, False),
        ("p1", Deny("no"), True),
        ("p2", None, False),
        ("p3", Allow("yes"), False),
    ]


def test_a_failure_is_a_vote_and_decides_only_where_the_chain_would_have_asked() -> None:
    failure = "p{}: authorize raised OSError: down"
    assert votes(None, OSError("down"), Allow("yes")) == [
        ("p0", None, False),
        ("p1", failure.format(1), True),
        ("p2", Allow("yes"), False),
    ]
    assert votes(Allow("yes"), OSError("down")) == [("p0", Allow("yes"), True), ("p1", failure.format(1), False)]


def test_a_vote_of_another_type_is_a_failure() -> None:
    [(_, answer, decides)] = votes(True)
    assert (answer, decides) == ("p0: authorize returned bool, not one of Allow, Deny or None", True)


def test_it_is_known_who_answers_a_hook() -> None:
    chain = Chain(Judge(None), Answers(None), Judge(None)).chain
    assert (chain.answering("authorize"), chain.answering("create_repository")) == (("p0", "p2"), ())


def test_two_plugins_cannot_have_one_name() -> None:
    with pytest.raises(PluginUnsuitable, match="two plugins have this name"):
        PluginChain([Member(name="x", plugin=Paths()), Member(name="x", plugin=Votes())], WaitingLoop().reactor)


def test_the_same_class_can_be_configured_twice() -> None:
    chain = Chain(Member(name="a", plugin=Answers(None)), Member(name="b", plugin=Answers(ALICE)))
    assert chain.authenticate() == Ruling("b", ALICE)


@pytest.mark.parametrize("name", ["", "/app", "app/", "team//app", "./app", "../app", "app.git"])
def test_a_repository_has_one_name_so_that_no_rule_is_dodged_by_another(name: str) -> None:
    """A path plugin passes "/secret/app" on as it was asked; a rule that denies "secret/**" would not match it."""
    with pytest.raises(ValueError, match="a repository's name is like team/app"):
        Repository(directory=Path("/srv/git/app.git"), name=name)


@pytest.mark.parametrize("groups", ["admins", ["admins"], {"admins"}, ("admins",)])
def test_the_groups_of_an_identity_are_a_set_of_names(groups: Any) -> None:
    """Identity(groups="admins"): "min" in "admins" is true, and a rule for the group "min" would let them in."""
    with pytest.raises(TypeError, match="are a frozenset of names"):
        Identity(name="bob", groups=groups)


def test_a_repository_must_be_absolute() -> None:
    with pytest.raises(ValueError, match="must be absolute"):
        Repository(directory=Path("relative.git"), name="relative")


@pytest.mark.parametrize(
    "make",
    [
        lambda five: Identity(name=five),
        lambda five: Identity(name="bob", groups=frozenset({"devs", five})),
        lambda five: a_repository("app", environment={"LEVEL": five}),
        lambda five: a_repository("app", environment={five: "LEVEL"}),
    ],
)
def test_what_git_and_records_are_told_in_texts_is_refused_where_it_is_made(make: Callable[[Any], object]) -> None:
    """Later, gitgate itself would fail of it, and nobody could tell whose it was."""
    with pytest.raises(TypeError, match="int where a str belongs"):
        make(5)


@pytest.mark.parametrize("environment", [{"": "x"}, {"A=B": "x"}, {"A": "x\0"}, {"A\0": "x"}])
def test_the_environment_of_a_repository_is_one_that_a_process_can_have(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="the environment of a process cannot hold"):
        a_repository("app", environment=environment)
