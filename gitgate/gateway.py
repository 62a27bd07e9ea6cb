"""The one pipeline: authenticate, enrich, resolve the path, authorize, run git, audit.

Every transport goes through it, so there is one order of the questions, one place that says what a client may learn,
and one record for each operation.
"""

import logging
import secrets
from dataclasses import replace
from typing import NoReturn

from twisted.internet.defer import CancelledError

from gitgate.audit import Audit
from gitgate.git.command import Exchange
from gitgate.git.process import Client, GitExit
from gitgate.git.runner import GitRunner
from gitgate.login import METHODS, Login
from gitgate.plugin import (
    Access,
    Allow,
    BearerToken,
    Credentials,
    Deny,
    GitRequest,
    Identity,
    Missing,
    Password,
    Peer,
    PublicKey,
    Rejected,
    Repository,
    Service,
    Transport,
)
from gitgate.plugin_chain import PluginChain, PluginFailure, Ruling
from gitgate.refusals import (
    AccessDenied,
    CredentialsRefused,
    CredentialsRequired,
    MalformedRequest,
    Refusal,
    RepositoryHidden,
    RepositoryNotFound,
    Unavailable,
)

_log = logging.getLogger(__name__)


def new_request_id() -> str:
    """A name for one operation, in the log and in what a client is told. Short enough to be read out on the phone."""
    return secrets.token_hex(5)


class Gateway:
    """Answers the transports. Two methods, because ssh logs in long before it names a repository."""

    def __init__(self, chain: PluginChain, runner: GitRunner, audit: Audit) -> None:
        self._chain = chain
        self._runner = runner
        self._audit = audit

    @property
    def accepted(self) -> frozenset[type]:
        """The kinds of credentials that can log in here; empty where nobody can."""
        return self._chain.accepted

    async def authenticate(self, credentials: Credentials, peer: Peer, request_id: str) -> Login:
        """The login that `credentials` give. Raises `CredentialsRefused` or `Unavailable`.

        For a key that is only asked about (`verified=False`) the answer says that it would do; nobody is logged in by
        it. A refused login is an operation, with its record; a granted one is told with what it is used for.
        """
        entry = self._audit.begin(request_id, peer)
        try:
            return await self._login(credentials, peer, request_id)
        except Refusal as refusal:
            if not isinstance(credentials, PublicKey) or credentials.verified:
                entry.attempted(credentials)
                entry.refused(refusal)
                entry.close()
            raise

    def malformed(self, reason: str, peer: Peer, request_id: str, login: Login | None = None) -> MalformedRequest:
        """The refusal for a request that could not be parsed, after writing its record. The client is told `reason`."""
        refusal = MalformedRequest(reason, message=reason)
        entry = self._audit.begin(request_id, peer)
        if login is not None:
            entry.login(login)
        entry.refused(refusal)
        entry.close()
        return refusal

    async def serve(
        self, request: GitRequest, login: Login, client: Client, exchange: Exchange = Exchange.CONVERSATION
    ) -> GitExit:
        """How git ended that served `request`. Raises a `Refusal`, and then git was not started.

        Cancel it when the client goes away: git is then ended in order, and the operation recorded as aborted.
        """
        entry = self._audit.begin(request.request_id, request.peer)
        entry.login(login)
        entry.request(request)
        try:
            repository = await self._resolve(login.identity, request)
            entry.repository(repository)
            allowed = await self._authorize(login.identity, request, repository)
            entry.decided(allowed.plugin, allowed.decision.reason)
            git = await self._run(request, repository, login.identity, exchange, client)
            entry.completed(git)
            return git
        except Refusal as refusal:
            entry.refused(refusal)
            raise
        except CancelledError:
            entry.aborted()
            raise
        finally:
            entry.close()

    async def _login(self, credentials: Credentials, peer: Peer, request_id: str) -> Login:
        try:
            ruling = await self._chain.authenticate(credentials, peer)
            if ruling is None:
                raise CredentialsRefused("no plugin knows them")
            if isinstance(ruling.decision, Rejected):
                raise CredentialsRefused(ruling.decision.reason, plugin=ruling.plugin)
            if isinstance(credentials, PublicKey) and not credentials.verified:
                # Nobody has logged in, and a directory need not be searched for whoever may hold the private half.
                enriched: Identity | Ruling[Rejected] = ruling.decision
            else:
                enriched = await self._chain.enrich_identity(ruling.decision, peer)
        except PluginFailure as failure:
            raise Unavailable(str(failure), request_id=request_id, plugin=failure.plugin) from failure
        if isinstance(enriched, Ruling):
            raise CredentialsRefused(enriched.decision.reason, plugin=enriched.plugin)
        fingerprint = credentials.fingerprint if isinstance(credentials, PublicKey) else None
        return Login(
            identity=enriched, method=METHODS[type(credentials)], plugin=ruling.plugin, fingerprint=fingerprint
        )

    async def _resolve(self, identity: Identity, request: GitRequest) -> Repository:
        try:
            ruling = await self._chain.resolve_path(identity, request)
        except PluginFailure as failure:
            raise Unavailable(str(failure), request_id=request.request_id, plugin=failure.plugin) from failure
        if ruling is None:
            self._refuse_missing(identity, request, "no plugin knows the path", None)
        if isinstance(ruling.decision, Missing):
            self._refuse_missing(identity, request, ruling.decision.reason, ruling.plugin)
        if not ruling.decision.exists:
            self._refuse_missing(identity, request, "it does not exist", ruling.plugin)
        return ruling.decision

    async def _authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Ruling[Allow]:
        ruling = await self._vote(identity, request, repository)
        if isinstance(ruling.decision, Allow):
            return Ruling(ruling.plugin, ruling.decision)
        reason, plugin = ruling.decision.reason, ruling.plugin
        if identity.is_anonymous and self._login_may_help(request.peer):
            raise CredentialsRequired(reason, plugin=plugin)
        if request.access is not Access.READ:
            fetch = replace(request, service=Service.UPLOAD_PACK, access=Access.READ)
            reading = await self._vote(identity, fetch, repository)
            if isinstance(reading.decision, Allow):
                raise AccessDenied(reason, message=ruling.decision.message, plugin=plugin)
        raise RepositoryHidden(reason, plugin=plugin)

    async def _vote(self, identity: Identity, request: GitRequest, repository: Repository) -> Ruling[Allow | Deny]:
        try:
            ruling = await self._chain.authorize(identity, request, repository)
        except PluginFailure as failure:
            raise Unavailable(str(failure), request_id=request.request_id, plugin=failure.plugin) from failure
        return ruling if ruling is not None else Ruling("default", Deny("no plugin allows it"))

    def _login_may_help(self, peer: Peer) -> bool:
        """Somebody else could be served: over this transport, or, where it knows no logins, over another one."""
        if peer.transport in (Transport.HTTP, Transport.HTTPS):
            return bool(self.accepted & {Password, BearerToken})
        return bool(self.accepted)

    def _refuse_missing(self, identity: Identity, request: GitRequest, reason: str, plugin: str | None) -> NoReturn:
        """Say what a denied client is told too, so that nobody learns which repositories there are."""
        if identity.is_anonymous and self._login_may_help(request.peer):
            raise CredentialsRequired(reason, plugin=plugin)
        raise RepositoryNotFound(reason, plugin=plugin)

    async def _run(
        self, request: GitRequest, repository: Repository, identity: Identity, exchange: Exchange, client: Client
    ) -> GitExit:
        try:
            return await self._runner.run(request, repository, identity, exchange, client)
        except (OSError, ValueError) as error:
            raise Unavailable(f"git could not be started: {error}", request_id=request.request_id) from error
