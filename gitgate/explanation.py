"""Why a request would be allowed or refused: every question that the gateway asks, and what each plugin says to it.

There is no second policy here. The server's own `Gateway` decides, with a chain that keeps what it is asked, and with
a rehearsal where git would run:

    Gateway.authenticate  -->  _ObservedChain   a name is taken on trust; the plugins add what they know of it
    Gateway.serve         -->  _ObservedChain   all plugins are asked; the answer is that of the one that decides
                          -->  _Rehearsal       starts nothing, and has the gateway judge the ref that would be pushed
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, TypeAlias, cast

from gitgate.audit import Audit
from gitgate.gateway import Gateway
from gitgate.git.command import Exchange
from gitgate.git.process import Client, GitExit, RunningGit
from gitgate.git.push_terms import Judge, PushTerms
from gitgate.git.runner import GitRunner
from gitgate.git.symbolic_refs import SymbolicRefs
from gitgate.login import Login
from gitgate.overview import Overview
from gitgate.plugin import (
    Access,
    Allow,
    AuditRecord,
    Credentials,
    Deny,
    GitRequest,
    Identity,
    Missing,
    Password,
    Peer,
    PublicKey,
    RefChange,
    RefUpdate,
    Rejected,
    Repository,
    Service,
    Transport,
)
from gitgate.plugin_asking import PluginFailure, Witness
from gitgate.plugin_chain import PluginChain, Ruling, Vote
from gitgate.plugin_registration import Member
from gitgate.reactor import Reactor
from gitgate.refusals import AccessDenied, Refusal, Unavailable

#: The `Login.method` of somebody whose name was given, and who proved nothing.
BY_NAME: Final = "name"


class Verb(Enum):
    """What somebody would do to a repository, or to a ref."""

    READ = "read"
    WRITE = "write"
    FORCE = "force"
    DELETE = "delete"
    CREATE = "create"

    @property
    def service(self) -> Service:
        """What a client would ask the server to run."""
        return Service.UPLOAD_PACK if self is Verb.READ else Service.RECEIVE_PACK


#: Who asks: with a key as if it had been used, or a password; by name, with what plugins know of it; or exactly so.
Somebody: TypeAlias = PublicKey | Password | Identity | Login


@dataclass(frozen=True, slots=True)
class Question:
    """One question, with what every plugin says to it. The access and the updates in `request` are those asked for."""

    hook: str
    request: GitRequest
    votes: tuple[Vote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A request that nobody made: the questions in the order in which the server asks them, and how it ends.

    `login` is None where the login itself is refused. `created_by` names the plugins that would be asked, one after the
    other, to make the repository. `refusal` has what the client would be told (nothing, where no client can ask for
    this); None means that git would run, which would take the ref `forward_only` only as a fast-forward.
    """

    request: GitRequest
    verb: Verb
    ref: str | None
    login: Login | None
    questions: tuple[Question, ...]
    created_by: tuple[str, ...]
    forward_only: bool
    refusal: Refusal | None


class Explainer:
    """Explains what a server with these plugins would do. `chain` must be started before, and stopped afterwards."""

    def __init__(self, members: Sequence[Member], reactor: Reactor, witness: Witness | None = None) -> None:
        """Raises `PluginUnsuitable`, as a server would."""
        self._observed = _ObservedChain(members, reactor, witness)
        self._audit = Audit(reactor, _keep_no_record)

    @property
    def chain(self) -> PluginChain:
        """The plugins."""
        return self._observed

    async def login(self, who: Somebody, peer: Peer, request_id: str) -> Login:
        """The login that a server would give. Raises a `Refusal`, for a disabled account or a wrong proof."""
        if isinstance(who, Login):
            return who
        gateway = self._gateway(_Rehearsal(()))
        if isinstance(who, PublicKey | Password):
            return await gateway.authenticate(who, peer, request_id)
        self._observed.taken_on_trust = who
        try:
            login = await gateway.authenticate(Password(username=who.name, password=""), peer, request_id)
        finally:
            self._observed.taken_on_trust = None
        return replace(login, method=BY_NAME, plugin=None)

    async def overview(self, who: Somebody, request: GitRequest, *, most: int, seconds: float) -> Overview:
        """What somebody could reach; see `Overviews.of`. Raises a `Refusal`."""
        login = await self.login(who, request.peer, request.request_id)
        return await self._gateway(_Rehearsal(())).overview(login, request, most=most, seconds=seconds)

    async def explain(self, who: Somebody, request: GitRequest, verb: Verb, ref: str | None = None) -> Explanation:
        """What would happen if somebody asked for `request`, and, with `ref`, did `verb` to it in a push."""
        self._observed.observe()
        over_http = request.peer.transport in (Transport.HTTP, Transport.HTTPS)
        rehearsal = _Rehearsal(() if ref is None else (_command(verb, ref),))
        login, refusal = None, None
        try:
            login = await self.login(who, request.peer, request.request_id)
            await self._gateway(rehearsal).serve(request, login, rehearsal, can_repeat=over_http)
            if verb is Verb.FORCE and ref in rehearsal.terms.forward_only and rehearsal.terms.refusal is not None:
                raise rehearsal.terms.refusal
            if verb is Verb.CREATE and ref is None and not self._observed.created_by:
                raise AccessDenied("the repository exists already, and a push would not create it", message="")
        except Refusal as refused:
            refusal = refused
        return Explanation(
            request=request,
            verb=verb,
            ref=ref,
            login=login,
            questions=tuple(self._observed.questions or ()),
            created_by=self._observed.created_by,
            forward_only=ref in rehearsal.terms.forward_only,
            refusal=refusal,
        )

    def _gateway(self, rehearsal: "_Rehearsal") -> Gateway:
        return Gateway(self._observed, cast(GitRunner, rehearsal), self._audit)


class _ObservedChain(PluginChain):
    """Makes no repository, and once told to observe, keeps what it is asked with the votes of all plugins.

    `taken_on_trust` is whom every login is answered with, while there is somebody.
    """

    def __init__(self, members: Sequence[Member], reactor: Reactor, witness: Witness | None) -> None:
        super().__init__(members, reactor, witness)
        self.taken_on_trust: Identity | None = None
        self.questions: list[Question] | None = None
        self.created_by: tuple[str, ...] = ()

    def observe(self) -> None:
        self.questions, self.created_by = [], ()

    async def authenticate(
        self, credentials: Credentials, peer: Peer, request_id: str | None = None
    ) -> Ruling[Identity | Rejected] | None:
        if self.taken_on_trust is not None:
            return Ruling(BY_NAME, self.taken_on_trust)
        return await super().authenticate(credentials, peer, request_id)

    async def resolve_path(self, identity: Identity, request: GitRequest) -> Ruling[Repository | Missing] | None:
        if self.questions is None:
            return await super().resolve_path(identity, request)
        votes = await self.votes("resolve_path", identity=identity, request=request)
        self.questions.append(Question("resolve_path", request, votes))
        return cast(Ruling[Repository | Missing] | None, _ruling(votes))

    async def authorize(
        self, identity: Identity, request: GitRequest, repository: Repository
    ) -> Ruling[Allow | Deny] | None:
        if self.questions is None:
            return await super().authorize(identity, request, repository)
        votes = await self.votes("authorize", identity=identity, request=request, repository=repository)
        self.questions.append(Question("authorize", request, votes))
        return cast(Ruling[Allow | Deny] | None, _ruling(votes))

    async def create_repository(
        self, identity: Identity, request: GitRequest, repository: Repository
    ) -> Ruling[Repository] | None:
        self.created_by = self.answering("create_repository")
        return Ruling(self.created_by[0], replace(repository, exists=True)) if self.created_by else None


@dataclass(slots=True)
class _Rehearsal:
    """What the gateway takes for git's runner, and for the client as well. `terms` are those of the push."""

    updates: tuple[RefUpdate, ...]
    terms: PushTerms = field(default_factory=PushTerms)

    async def run(
        self, request: GitRequest, repository: Repository, identity: Identity, exchange: Exchange, client: Client
    ) -> GitExit:
        return GitExit(code=0, bytes_in=0, bytes_out=0)

    async def push(
        self,
        request: GitRequest,
        repository: Repository,
        identity: Identity,
        exchange: Exchange,
        client: Client,
        judge: Judge,
    ) -> GitExit:
        if self.updates:
            try:
                symbolic = SymbolicRefs.among((update.ref for update in self.updates), repository)
            except OSError as error:
                why = f"the refs of the push could not be looked at: {error}"
                raise Unavailable(why, request_id=request.request_id) from error
            if symbolic is None:
                why = f"git alone knows where refs of {repository.directory} lead, and is not started to explain it"
                raise Unavailable(why, request_id=request.request_id)
            self.terms = await symbolic.judge(self.updates, judge)
        return GitExit(code=0, bytes_in=0, bytes_out=0)

    def git_started(self, git: RunningGit) -> None:
        """Never: nothing starts."""

    def write(self, data: bytes) -> None:
        """A notice for the client."""

    def write_error(self, data: bytes) -> None:
        """A notice for the client."""

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...


def _ruling(votes: Sequence[Vote]) -> Ruling[object] | None:
    """The answer that decides, as the chain would have given it. Raises the `PluginFailure` that does."""
    for vote in votes:
        if vote.decides:
            if isinstance(vote.answer, PluginFailure):
                raise vote.answer
            return Ruling(vote.plugin, vote.answer)
    return None


def _command(verb: Verb, ref: str) -> RefUpdate:
    """The push's command for `ref`, with made-up objects. The client of a forced push sends no other than usual."""
    nothing, old, new = "0" * 40, "1" * 40, "2" * 40
    match verb:
        case Verb.CREATE:
            return RefUpdate(ref=ref, old=nothing, new=new, change=RefChange.CREATE)
        case Verb.DELETE:
            return RefUpdate(ref=ref, old=old, new=nothing, change=RefChange.DELETE)
        case Verb.WRITE if ref.startswith("refs/tags/"):
            # To move a tag takes `force`, whatever its old and its new object are.
            return RefUpdate(ref=ref, old=nothing, new=new, change=RefChange.CREATE)
        case Verb.WRITE | Verb.FORCE:
            return RefUpdate(ref=ref, old=old, new=new, change=RefChange.UPDATE)
        case Verb.READ:
            raise ValueError("reading is not a matter of single refs")


def _keep_no_record(record: AuditRecord) -> None:
    """Nothing has happened."""


def request_for(
    verb: Verb, path: str, peer: Peer, *, request_id: str, username: str | None = None, host: str | None = None
) -> GitRequest:
    """The request that a client would send for `verb`."""
    service = verb.service
    return GitRequest(
        request_id=request_id,
        peer=peer,
        service=service,
        path=path,
        protocol=2 if service.access is Access.READ else 0,
        host=host,
        access=service.access,
        username=username,
    )
