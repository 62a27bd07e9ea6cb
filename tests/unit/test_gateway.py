"""One order of the questions, one rule for what a client may learn, one record for each operation."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from gitgate.at_once import begin
from gitgate.audit import Audit, AuditEntry, describe
from gitgate.gateway import Gateway
from gitgate.git.command import Exchange
from gitgate.git.process import GitExit
from gitgate.login import ANONYMOUS_LOGIN, Login
from gitgate.plugin import (
    Access,
    Allow,
    AuditRecord,
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
    Transport,
    Verdict,
    hookimpl,
)
from gitgate.plugin_chain import PluginChain
from gitgate.plugin_registration import Member
from gitgate.refusals import (
    AccessDenied,
    CredentialsRefused,
    CredentialsRequired,
    Overloaded,
    Refusal,
    RepositoryHidden,
    RepositoryNotFound,
    Unavailable,
)
from gitgate.testing import a_fetch, a_peer, a_push, a_repository, an_identity
from gitgate.testing.waiting_loop import WaitingLoop

ALICE = Login(identity=an_identity("alice"), method="password", plugin="users")
GIT_EXIT = GitExit(code=0, bytes_in=10, bytes_out=20)
PASSWORD = Password(username="alice", password="secret")
KEY = PublicKey(username="alice", algorithm="ssh-ed25519", blob=b"k", fingerprint="SHA256:x", verified=True)


@dataclass
class Site:
    """One plugin with all its answers on the table; an exception is raised."""

    login: Any = None
    enriched: Any = None
    repository: Any = field(default_factory=a_repository)
    read: Any = None
    write: Any = None
    asked: list[str] = field(default_factory=list)

    @hookimpl
    async def authenticate(self, credentials: Any) -> Any:
        answer = self._answer("authenticate", self.login)
        return await answer if isinstance(answer, Deferred) else answer

    @hookimpl
    async def enrich_identity(self, identity: Identity) -> Any:
        return self._answer("enrich_identity", self.enriched)

    @hookimpl
    async def resolve_path(self, identity: Identity, request: GitRequest) -> Any:
        return self._answer("resolve_path", self.repository)

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Any:
        vote = self.read if request.access is Access.READ else self.write
        return self._answer(f"authorize {request.service.value}", vote)

    def _answer(self, question: str, answer: Any) -> Any:
        self.asked.append(question)
        if isinstance(answer, Exception):
            raise answer
        return answer


class RecordingRunner:
    """Starts nothing, and notes what would have been started."""

    def __init__(self, outcome: Callable[[], Any] = lambda: GIT_EXIT, *, finds_nothing: bool = False) -> None:
        self.started: list[tuple[Repository, Identity, Exchange]] = []
        self._outcome = outcome
        self._finds_nothing = finds_nothing

    async def run(self, request: Any, repository: Any, identity: Any, exchange: Any, client: Any) -> GitExit:
        self.started.append((repository, identity, exchange))
        outcome = self._outcome()
        if isinstance(outcome, Exception):
            raise outcome
        return await outcome if isinstance(outcome, Deferred) else outcome

    async def is_gone(self, repository: Repository) -> bool:
        return self._finds_nothing


class LoginLess:
    """Nobody can log in where no plugin answers `authenticate`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @hookimpl
    async def resolve_path(self, identity: Identity, request: GitRequest) -> Any:
        return await self._site.resolve_path(identity, request)

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Any:
        return await self._site.authorize(identity, request, repository)


async def fail(*_: object) -> Login:
    """As a fault of gitgate's own does."""
    raise ZeroDivisionError


class House:
    """A gateway over one site."""

    def __init__(self, site: Site | LoginLess, runner: RecordingRunner | None = None) -> None:
        self.loop = WaitingLoop()
        self.runner = runner or RecordingRunner()
        self.records: list[AuditRecord] = []
        chain = PluginChain([Member(name="site", plugin=site)], self.loop.reactor)
        self.gateway = Gateway(chain, self.runner, Audit(self.loop.reactor, self.records.append))  # type: ignore[arg-type]

    def serve(self, request: GitRequest, login: Login = ALICE) -> GitExit | Refusal:
        try:
            return self.loop.run(self.gateway.serve(request, login, object()))  # type: ignore[arg-type]
        except Refusal as refusal:
            return refusal

    def authenticate(self, credentials: Any = PASSWORD) -> Login | Refusal:
        try:
            return self.loop.run(self.gateway.authenticate(credentials, a_peer(), "req-9"))
        except Refusal as refusal:
            return refusal


def test_what_is_allowed_is_run_on_the_very_repository_that_was_authorized() -> None:
    repository = a_repository()
    house = House(Site(repository=repository, read=Allow("public")))
    assert house.serve(a_fetch()) == GIT_EXIT
    ((started, identity, exchange),) = house.runner.started
    assert started is repository
    assert (identity, exchange) == (ALICE.identity, Exchange.CONVERSATION)


def test_a_git_that_says_nothing_and_fails_may_have_found_no_repository() -> None:
    failed = GitExit(code=128, bytes_in=10, bytes_out=0)
    found, gone = (RecordingRunner(lambda: failed, finds_nothing=nothing) for nothing in (False, True))
    assert House(Site(read=Allow("public")), found).serve(a_fetch()) == failed
    assert isinstance(House(Site(read=Allow("public")), gone).serve(a_fetch()), RepositoryNotFound)


def test_a_git_that_fails_after_it_has_spoken_has_answered_itself() -> None:
    """1. A repository is removed while it is cloned. 2. git says so to the client, in the middle of the pack. 3. A
    refusal that came behind that would be a second answer, and the record would tell of a clone that never began.
    """
    failed = GitExit(code=128, bytes_in=10, bytes_out=20)
    house = House(Site(read=Allow("public")), RecordingRunner(lambda: failed, finds_nothing=True))
    assert house.serve(a_fetch()) == failed
    assert [(record.verdict, record.bytes_out) for record in house.records] == [(Verdict.COMPLETED, 20)]


def test_a_list_of_what_can_be_reached_has_a_record() -> None:
    house = House(Site(repository=a_repository(), read=Allow("public")))
    house.loop.run(house.gateway.overview(ALICE, a_fetch(), most=5, seconds=5))
    (record,) = house.records
    assert (record.verdict, record.identity, record.service) == (Verdict.COMPLETED, ALICE.identity, None)
    assert record.reason == "repositories listed: 0"


def test_the_path_is_resolved_before_the_request_is_authorized_and_nobody_is_asked_twice() -> None:
    site = Site(read=Allow("public"))
    House(site).serve(a_fetch())
    assert site.asked == ["resolve_path", "authorize git-upload-pack"]


@pytest.mark.parametrize(
    ("site", "verdict", "reason"),
    [
        (Site(repository=None), Verdict.MISSING, "no plugin knows the path"),
        (Site(repository=Missing("not in the tree")), Verdict.MISSING, "not in the tree"),
        (Site(repository=a_repository(exists=False)), Verdict.MISSING, "it does not exist"),
        (Site(read=None), Verdict.DENIED, "no plugin allows it"),
        (Site(read=Deny("secret", "It is secret.")), Verdict.DENIED, "secret"),
        (Site(read=None, write=Allow("may push only")), Verdict.DENIED, "no plugin allows it"),
    ],
)
def test_missing_and_denied_are_the_same_to_the_client_and_told_apart_in_the_record(
    site: Site, verdict: Verdict, reason: str
) -> None:
    house = House(site)
    refusal = house.serve(a_fetch())
    assert isinstance(refusal, RepositoryNotFound)
    assert refusal.message == "repository not found (id req-1)"
    assert house.runner.started == []
    assert [(record.verdict, record.reason) for record in house.records] == [(verdict, reason)]


def test_who_may_read_is_told_why_a_push_is_denied() -> None:
    site = Site(read=Allow("public"), write=Deny("not in devs", "Pushing is for maintainers."))
    house = House(site)
    refusal = house.serve(a_push())
    assert isinstance(refusal, AccessDenied)
    assert (refusal.reason, refusal.plugin) == ("not in devs", "site")
    assert refusal.message == "Pushing is for maintainers. (id req-1)"
    assert site.asked[-1] == "authorize git-upload-pack"


def test_a_message_cannot_write_on_the_terminal_of_who_is_denied() -> None:
    """A policy service repeats in its message the name of a ref that somebody has made up."""
    refusal = House(Site(read=Allow("public"), write=Deny("no", "\x1b]0;owned\7 not now\nroot# "))).serve(a_push())
    assert isinstance(refusal, AccessDenied)
    assert refusal.message == r"\x1b]0;owned\x07 not now\nroot#  (id req-1)"


def test_who_may_not_even_read_does_not_learn_from_the_message_of_a_denied_push() -> None:
    """Ask to push to every name in a list: a message for pushes alone would tell which repositories there are."""
    refusal = House(Site(read=None, write=Deny("not in devs", "Pushing is for maintainers."))).serve(a_push())
    assert isinstance(refusal, RepositoryHidden)
    assert refusal.message == "repository not found (id req-1)"


@dataclass
class MakingSite(Site):
    """Makes what somebody may create."""

    create: Any = None
    repository: Any = field(default_factory=lambda: a_repository(exists=False))

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Any:
        return self._answer(request.access.value, self.create if request.access is Access.CREATE else self.write)

    @hookimpl
    async def create_repository(self, identity: Identity, request: GitRequest, repository: Repository) -> Repository:
        self.asked.append("made")
        return replace(repository, exists=True)


@pytest.mark.parametrize(
    ("write", "create", "asked"),
    [
        (Deny("no pushes"), Allow("may create"), ["resolve_path", "write"]),
        (Allow("may push"), Deny("no new ones"), ["resolve_path", "write", "create"]),
    ],
    ids=["push", "create"],
)
def test_who_may_not_both_push_and_create_makes_no_empty_repository(write: Any, create: Any, asked: Any) -> None:
    site = MakingSite(write=write, create=create)
    assert type(House(site).serve(a_push())) is RepositoryNotFound
    assert site.asked == asked


def test_who_may_push_and_create_has_the_repository_made() -> None:
    site = MakingSite(write=Allow("may push"), create=Allow("may create"))
    house = House(site)
    house.loop.run(house.gateway.serve(a_push(), ALICE, object(), Exchange.ADVERTISEMENT))  # type: ignore[arg-type]
    assert site.asked == ["resolve_path", "write", "create", "made", "write"]
    ((started, _, _),) = house.runner.started
    assert started.exists


@pytest.mark.parametrize(
    "site",
    [Site(repository=None), Site(read=None), Site(read=Allow("public"), write=None)],
    ids=["missing", "denied", "push"],
)
def test_an_anonymous_request_that_is_refused_is_challenged_whether_or_not_the_repository_exists(site: Site) -> None:
    house = House(site)
    assert isinstance(house.serve(a_push(), ANONYMOUS_LOGIN), CredentialsRequired)
    assert [record.verdict for record in house.records] == [Verdict.CHALLENGED]


def test_where_nobody_can_log_in_nobody_is_challenged() -> None:
    assert type(House(LoginLess(Site(read=None))).serve(a_fetch(), ANONYMOUS_LOGIN)) is RepositoryHidden
    reader = House(LoginLess(Site(read=Allow("public"))))
    assert isinstance(reader.serve(a_push(), ANONYMOUS_LOGIN), AccessDenied)


class KeysOnly(Site):
    accepts = (PublicKey,)


def test_over_http_nobody_is_challenged_where_only_keys_log_in() -> None:
    """git would ask for a name and a password that nobody has."""
    house = House(KeysOnly(read=None))
    over_http = replace(a_fetch(), peer=a_peer(Transport.HTTP))
    assert type(house.serve(over_http, ANONYMOUS_LOGIN)) is RepositoryHidden
    over_git = replace(a_fetch(), peer=a_peer(Transport.GIT))
    assert isinstance(house.serve(over_git, ANONYMOUS_LOGIN), CredentialsRequired)


@pytest.mark.parametrize(
    "site",
    [
        Site(repository=OSError("disk")),
        Site(repository="/srv/git/a.git"),
        Site(read=OSError("directory")),
        Site(read=True),
        Site(read=Missing("an answer to another question")),
    ],
)
def test_a_plugin_that_fails_never_allows_and_is_not_called_a_denial(site: Site) -> None:
    house = House(site)
    refusal = house.serve(a_fetch())
    assert isinstance(refusal, Unavailable)
    assert refusal.message == "temporarily unavailable (id req-1)"
    assert refusal.plugin == "site"
    assert not refusal.reason.startswith("site")  # the log line says that already
    assert house.runner.started == []
    assert [record.verdict for record in house.records] == [Verdict.FAILED]


def test_a_plugin_that_fails_while_the_denial_is_explained_is_unavailable_too() -> None:
    assert isinstance(House(Site(read=OSError("down"), write=Deny("no"))).serve(a_push()), Unavailable)


def test_a_login_names_its_plugin_its_method_and_its_key() -> None:
    house = House(Site(login=an_identity("alice"), enriched=an_identity("alice", "devs")))
    assert house.authenticate(KEY) == Login(
        identity=an_identity("alice", "devs"), method="publickey", plugin="site", fingerprint="SHA256:x"
    )
    assert house.records == []


@pytest.mark.parametrize(
    ("site", "reason"),
    [
        (Site(login=None), "no plugin knows them"),
        (Site(login=Rejected("wrong password")), "wrong password"),
        (Site(login=an_identity("alice"), enriched=Rejected("disabled")), "disabled"),
    ],
)
def test_a_login_that_is_refused_is_recorded_with_the_name_that_was_typed(site: Site, reason: str) -> None:
    house = House(site)
    refusal = house.authenticate()
    assert isinstance(refusal, CredentialsRefused)
    assert refusal.message == "login failed"
    (record,) = house.records
    assert (record.verdict, record.reason, record.username, record.identity) == (
        Verdict.REJECTED,
        reason,
        "alice",
        None,
    )


@pytest.mark.parametrize("credentials", [PASSWORD, KEY])
def test_a_login_whose_client_goes_away_is_recorded(credentials: Any) -> None:
    """Attack: send guesses, and hang up before the answer: a directory locks the account, and nothing says who did."""
    house = House(Site(login=Deferred()))
    login = Deferred.fromCoroutine(house.gateway.authenticate(credentials, a_peer(), "req-9"))
    login.addErrback(lambda failure: failure.trap(CancelledError))
    login.cancel()
    assert [(record.verdict, record.reason, record.username) for record in house.records] == [
        (Verdict.ABORTED, "the client went away", "alice")
    ]


def test_a_client_that_goes_while_it_asks_about_a_key_leaves_no_record() -> None:
    house = House(Site(login=Deferred()))
    asking = Deferred.fromCoroutine(house.gateway.authenticate(replace(KEY, verified=False), a_peer(), "req-9"))
    asking.addErrback(lambda failure: failure.trap(CancelledError))
    asking.cancel()
    assert house.records == []


def test_a_login_in_which_gitgate_fails_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(Site(login=an_identity("alice")))
    monkeypatch.setattr(house.gateway, "_login", fail)
    with pytest.raises(ZeroDivisionError):
        house.authenticate()
    assert [(record.verdict, record.username) for record in house.records] == [(Verdict.FAILED, "alice")]


def test_an_outage_is_not_a_wrong_password() -> None:
    """git throws a stored password away when the server says 401 because the directory was down."""
    for site in (Site(login=OSError("down")), Site(login=an_identity(), enriched=OSError("down"))):
        assert isinstance(House(site).authenticate(), Unavailable)


def test_asking_about_a_key_is_neither_a_login_nor_an_operation() -> None:
    house = House(Site(login=None))
    assert isinstance(house.authenticate(replace(KEY, verified=False)), CredentialsRefused)
    assert house.records == []


def test_a_key_that_is_only_asked_about_is_not_looked_up_any_further() -> None:
    """Anybody can ask about anybody's public key: each question would cost a search in the directory."""
    site = Site(login=an_identity("alice"), enriched=an_identity("alice", "devs"))
    answer = House(site).authenticate(replace(KEY, verified=False))
    assert isinstance(answer, Login)
    assert answer.identity == an_identity("alice")
    assert site.asked == ["authenticate"]


@pytest.mark.parametrize("outcome", [FileNotFoundError(2, "No such file"), replace(GIT_EXIT, code=128, bytes_out=0)])
@pytest.mark.parametrize("found", [None, Missing("not in the tree")])
def test_a_repository_that_no_plugin_knows_any_more_is_missing(outcome: GitExit | Exception, found: Any) -> None:
    """Its plugin may abstain on a path that is gone: that is no outage, and nothing was served."""
    site = Site(read=Allow("public"))

    def goes_away() -> GitExit | Exception:
        site.repository = found
        return outcome

    house = House(site, RecordingRunner(goes_away))
    assert type(house.serve(a_fetch())) is RepositoryNotFound
    (record,) = house.records
    assert (record.verdict, record.reason.partition(":")[0]) == (
        Verdict.MISSING,
        "it went away before git could serve it",
    )


def test_git_that_cannot_be_started_is_unavailable() -> None:
    house = House(Site(read=Allow("public")), RecordingRunner(lambda: OSError(24, "Too many open files")))
    refusal = house.serve(a_fetch())
    assert isinstance(refusal, Unavailable)
    assert "Too many open files" in refusal.reason
    assert "files" not in refusal.message


def test_a_limit_is_told_as_such() -> None:
    house = House(Site(read=Allow("public")), RecordingRunner(lambda: Overloaded("100 operations are running")))
    assert isinstance(house.serve(a_fetch()), Overloaded)
    assert [record.verdict for record in house.records] == [Verdict.OVERLOADED]


def test_a_client_that_goes_away_leaves_one_record() -> None:
    waiting: Deferred[Any] = Deferred()
    house = House(Site(read=Allow("public")), RecordingRunner(lambda: waiting))
    serving = Deferred.fromCoroutine(house.gateway.serve(a_fetch(), ALICE, object()))  # type: ignore[arg-type]
    errors: list[BaseException] = []
    serving.addErrback(lambda failure: errors.append(failure.value))
    serving.cancel()
    assert [type(error) for error in errors] == [CancelledError]
    assert [record.verdict for record in house.records] == [Verdict.ABORTED]


@pytest.mark.parametrize(
    ("git", "reason"),
    [
        (replace(GIT_EXIT, abandoned=True), "the client went away"),
        (replace(GIT_EXIT, abandoned=True, silent=True), "no byte had moved for the whole of limits.idle_deadline"),
    ],
)
def test_a_git_that_outlived_its_client_has_not_completed(git: GitExit, reason: str) -> None:
    house = House(Site(read=Allow("public")), RecordingRunner(lambda: git))
    assert house.serve(a_fetch()) == git
    assert [(record.verdict, record.reason, record.exit_code) for record in house.records] == [
        (Verdict.ABORTED, reason, 0)
    ]


@pytest.mark.parametrize(
    ("refused", "verdict"),
    [
        ({}, Verdict.COMPLETED),
        ({"refs/heads/a": "hook declined"}, Verdict.COMPLETED),
        ({"refs/heads/a": "pre-receive hook declined", "refs/heads/b": "pre-receive hook declined"}, Verdict.ABORTED),
    ],
)
def test_a_push_whose_client_went_away_has_completed_if_a_ref_has_moved(
    refused: dict[str, str], verdict: Verdict
) -> None:
    records: list[AuditRecord] = []
    entry = Audit(WaitingLoop().reactor, records.append).begin("req-1", a_peer())
    zeros, commit = "0" * 40, "1" * 40
    refs = ("refs/heads/a", "refs/heads/b")
    updates = tuple(RefUpdate(ref=ref, old=zeros, new=commit, change=RefChange.CREATE) for ref in refs)
    entry.request(a_push(updates=updates))
    entry.completed(replace(GIT_EXIT, abandoned=True, refused=refused))
    entry.close()
    assert [record.verdict for record in records] == [verdict]


def test_an_update_that_was_found_to_rewind_is_recorded_as_such() -> None:
    records: list[AuditRecord] = []
    entry = Audit(WaitingLoop().reactor, records.append).begin("req-1", a_peer())
    refs = {"refs/heads/a": RefChange.UPDATE, "refs/heads/b": RefChange.UPDATE, "refs/heads/c": RefChange.CREATE}
    updates = tuple(RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=change) for ref, change in refs.items())
    entry.request(a_push(updates=updates))
    git = replace(GIT_EXIT, rewound=frozenset({"refs/heads/b"}))
    entry.completed(git)
    assert begin(entry.rewound(git)) is None
    entry.close()
    assert [update.change for update in records[0].updates] == [RefChange.UPDATE, RefChange.REWIND, RefChange.CREATE]


def test_the_log_says_why_git_refused_a_few_refs_of_a_push() -> None:
    """A full disk, a repository that is not writable, a hook: "git refused 1 of 1 refs" was all that was told."""
    records: list[AuditRecord] = []
    entry = Audit(WaitingLoop().reactor, records.append).begin("req-1", a_peer())
    refs = [f"refs/heads/{name}" for name in "abcd"]
    updates = tuple(RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=RefChange.UPDATE) for ref in refs)
    entry.request(a_push(updates=updates))
    entry.completed(replace(GIT_EXIT, refused=dict.fromkeys(refs, "unpacker error\x1b[2J")))
    entry.close()
    told = "; ".join(f"{ref}: unpacker error\\x1b[2J" for ref in refs[:3])
    assert f" git refused 4 of 4 refs ({told}; ...), exit 0," in describe(records[0])


MANY = tuple(f"refs/heads/{number}" for number in range(9000))


def an_entry_of_many_updates(loop: WaitingLoop, records: list[AuditRecord]) -> AuditEntry:
    entry = Audit(loop.reactor, records.append).begin("req-1", a_peer())
    updates = tuple(RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=RefChange.UPDATE) for ref in MANY)
    entry.request(a_push(updates=updates))
    return entry


@pytest.mark.parametrize("goes", [False, True])
def test_many_rewinds_are_recorded_with_others_between_also_of_who_goes_meanwhile(goes: bool) -> None:
    """Attack: rewind a branch among thousands, and hang up while that is being written down."""
    loop, records = WaitingLoop(), list[AuditRecord]()
    entry, git = an_entry_of_many_updates(loop, records), replace(GIT_EXIT, rewound=frozenset(MANY))
    entry.completed(git)
    writing = Deferred.fromCoroutine(entry.rewound(git))
    assert not writing.called
    if goes:
        writing.cancel()
    else:
        loop.advance(0)
    assert writing.called
    entry.close()
    assert records[0].verdict is Verdict.COMPLETED
    assert {update.change for update in records[0].updates} == {RefChange.REWIND}


def test_many_rewinds_of_who_is_gone_already_are_recorded_at_once() -> None:
    """Attack: as above, when the server stops: it hears no more that the client goes, and ends before the record."""
    records: list[AuditRecord] = []
    entry = an_entry_of_many_updates(WaitingLoop(), records)
    git = replace(GIT_EXIT, abandoned=True, rewound=frozenset(MANY))
    entry.completed(git)
    assert begin(entry.rewound(git)) is None
    entry.close()
    assert {update.change for update in records[0].updates} == {RefChange.REWIND}


def test_who_sent_what_cannot_be_understood_is_recorded() -> None:
    house = House(Site())
    refusal = house.gateway.malformed("bad argument", a_peer(), "req-7", ALICE)
    assert refusal.message == "bad argument (id req-7)"
    assert [describe(replace(record, duration_seconds=0)) for record in house.records] == [
        "ssh 192.0.2.7 alice request: malformed (bad argument) 0.000 s [req-7]"
    ]


def test_the_record_of_a_completed_operation_says_everything() -> None:
    house = House(Site(read=Allow("rules[3]")))
    house.serve(a_fetch("/team/app.git"))
    (record,) = house.records
    assert record == AuditRecord(
        time=record.time,
        duration_seconds=record.duration_seconds,
        request_id="req-1",
        peer=a_peer(),
        verdict=Verdict.COMPLETED,
        reason="rules[3]",
        plugin="site",
        identity=ALICE.identity,
        method="password",
        authenticated_by="users",
        path="/team/app.git",
        repository="team/app",
        service=Service.UPLOAD_PACK,
        protocol=2,
        bytes_in=10,
        bytes_out=20,
        exit_code=0,
    )


def test_the_log_line_names_who_what_why_and_the_request() -> None:
    house = House(Site(read=Deny("secret")))
    house.serve(a_fetch("/team/app.git"))
    line = describe(replace(house.records[0], duration_seconds=0.25))
    assert line == "ssh 192.0.2.7 alice git-upload-pack /team/app.git: denied (site: secret) 0.250 s [req-1]"


def test_a_name_that_was_typed_cannot_write_a_second_log_line() -> None:
    house = House(Site(login=None))
    house.authenticate(Password(username="x\n2026 root logged in", password="secret"))
    line = describe(house.records[0])
    assert "\n" not in line
    assert "secret" not in line
