"""The one pipeline: authenticate, enrich, resolve the path, authorize, run git, audit.

Every transport goes through it, so there is one order of the questions, one place that says what a client may learn,
and one record for each operation.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from twisted.internet.defer import CancelledError

from gitgate.audit import Audit, AuditEntry
from gitgate.authorization import Authorization
from gitgate.git.command import Exchange
from gitgate.git.noticed_client import NoticedClient
from gitgate.git.pathless_client import PathlessErrors
from gitgate.git.process import Client, GitExit
from gitgate.git.push_terms import PushTerms
from gitgate.git.runner import GitRunner
from gitgate.login import METHODS, Login
from gitgate.login_turns import LoginTurns
from gitgate.overview import Overview, Overviews
from gitgate.plugin import (
    Credentials,
    GitRequest,
    Identity,
    Peer,
    PublicKey,
    RefUpdate,
    Rejected,
    Repository,
    Service,
)
from gitgate.plugin_asking import PluginFailure
from gitgate.plugin_chain import PluginChain, Ruling
from gitgate.refusals import (
    AccessDenied,
    CredentialsRefused,
    CredentialsRequired,
    MalformedRequest,
    Refusal,
    Unavailable,
)
from gitgate.refused_keys import RefusedKeys
from gitgate.resolution import Resolution
from gitgate.wire.printable import printable

_log = logging.getLogger(__name__)


def new_request_id() -> str:
    """A name for one operation, in the log and in what a client is told. Short enough to be read out on the phone."""
    return secrets.token_hex(5)


class Gateway:
    """Answers the transports. Two methods, because ssh logs in long before it names a repository."""

    def __init__(
        self,
        chain: PluginChain,
        runner: GitRunner,
        audit: Audit,
        public_urls: Mapping[str, str] = MappingProxyType({}),
        turns: LoginTurns | None = None,
    ) -> None:
        """`public_urls`, by "ssh", "http" and "git", are where clients find the server. Without `turns`, any number of
        logins are judged at once.
        """
        self._chain = chain
        self._public_urls = public_urls
        self._turns = turns
        self._runner = runner
        self._audit = audit
        self._authorization = Authorization(chain, audit.clock)
        self._resolution = Resolution(chain, self._authorization, runner)
        self._overviews = Overviews(chain, audit.clock)

    @property
    def accepted(self) -> frozenset[type]:
        """The kinds of credentials that can log in here; empty where nobody can."""
        return self._chain.accepted

    async def authenticate(self, credentials: Credentials, peer: Peer, request_id: str) -> Login:
        """The login that `credentials` give. Raises `CredentialsRefused`, `Overloaded` or `Unavailable`.

        For a key that is only asked about (`verified=False`) the answer says that it would do; nobody is logged in by
        it. A login that fails is an operation, with its record, also where its client does not wait for the answer; a
        granted one is told with what it is used for. For keys that are refused when they are asked about, see
        `refused_keys`.
        """
        entry = self._audit.begin(request_id, peer)
        try:
            if self._turns is None:
                return await self._login(credentials, peer, request_id)
            async with self._turns.turn(credentials, peer):
                return await self._login(credentials, peer, request_id)
        except BaseException as error:
            if not isinstance(credentials, PublicKey) or credentials.verified:
                entry.attempted(credentials)
                if isinstance(error, Refusal):
                    entry.refused(error)
                elif isinstance(error, CancelledError):
                    entry.aborted()
                entry.close()
            raise

    def refused_keys(self, peer: Peer) -> RefusedKeys:
        """For the record of a client that has asked about keys, none of which would do."""
        return RefusedKeys(self._audit, peer)

    def malformed(self, reason: str, peer: Peer, request_id: str, login: Login | None = None) -> MalformedRequest:
        """The refusal for a request that could not be parsed, after writing its record. The client is told `reason`."""
        refusal = MalformedRequest(reason, message=reason)
        refusal.identify(request_id)
        entry = self._audit.begin(request_id, peer)
        if login is not None:
            entry.login(login)
        entry.refused(refusal)
        entry.close()
        return refusal

    async def overview(self, login: Login, request: GitRequest, *, most: int, seconds: float) -> Overview:
        """What somebody who has logged in can reach; see `Overviews.of`. Raises `Overloaded` or `Unavailable`.

        It has a record, as a git service has: some people log in for nothing else.
        """
        entry = self._audit.begin(request.request_id, request.peer)
        entry.login(login)
        try:
            overview = await self._overview(login, request, most=most, seconds=seconds)
            entry.listed(len(overview.repositories))
            return overview
        except Refusal as refusal:
            entry.refused(refusal)
            raise
        except CancelledError:
            entry.aborted()
            raise
        finally:
            entry.close()

    async def serve(
        self,
        request: GitRequest,
        login: Login,
        client: Client,
        exchange: Exchange = Exchange.CONVERSATION,
        *,
        can_repeat: bool = False,
    ) -> GitExit:
        """How git ended that served `request`. Raises a `Refusal`, and then the client was sent nothing of an answer:
        over ssh and git://, what git has may have been advertised before.

        `can_repeat`: the client can send the whole request again, with credentials. Cancel it when the client goes
        away: git is then ended in order, and the operation recorded as aborted.
        """
        entry = self._audit.begin(request.request_id, request.peer)
        entry.login(login)
        entry.request(request)
        try:
            repository = await self._resolution.of(login.identity, request, entry)
            entry.repository(repository)
            allowed = await self._authorization.of_request(login.identity, request, repository)
            entry.decided(allowed.plugin, allowed.decision.reason)
            noticed = None
            if repository.moved_to is not None:
                client = noticed = NoticedClient(client, self._notice(request, repository.moved_to))
            pathless = PathlessErrors(client, request, repository)
            operation = _Operation(request, repository, login.identity, exchange, pathless)
            git = await self._run(operation, entry, can_repeat=can_repeat)
            pathless.end()
            if noticed is not None:
                noticed.end()
            return git
        except Refusal as refusal:
            refusal.identify(request.request_id)
            entry.refused(refusal)
            raise
        except CancelledError:
            entry.aborted()
            raise
        finally:
            entry.close()

    async def _overview(self, login: Login, request: GitRequest, *, most: int, seconds: float) -> Overview:
        try:
            return await self._overviews.of(login.identity, request, most=most, seconds=seconds)
        except PluginFailure as failure:
            raise Unavailable(failure.what_happened, request_id=request.request_id, plugin=failure.plugin) from failure

    async def _login(self, credentials: Credentials, peer: Peer, request_id: str) -> Login:
        try:
            ruling = await self._chain.authenticate(credentials, peer, request_id)
            if ruling is None:
                is_key = isinstance(credentials, PublicKey)
                raise CredentialsRefused("no plugin knows the key" if is_key else "no plugin knows them")
            if isinstance(ruling.decision, Rejected):
                raise CredentialsRefused(ruling.decision.reason, plugin=ruling.plugin)
            if isinstance(credentials, PublicKey) and not credentials.verified:
                # Nobody has logged in, and a directory need not be searched for whoever may hold the private half.
                enriched: Identity | Ruling[Rejected] = ruling.decision
            else:
                enriched = await self._chain.enrich_identity(ruling.decision, peer, request_id)
        except PluginFailure as failure:
            raise Unavailable(failure.what_happened, request_id=request_id, plugin=failure.plugin) from failure
        if isinstance(enriched, Ruling):
            raise CredentialsRefused(enriched.decision.reason, plugin=enriched.plugin)
        fingerprint = credentials.fingerprint if isinstance(credentials, PublicKey) else None
        return Login(
            identity=enriched, method=METHODS[type(credentials)], plugin=ruling.plugin, fingerprint=fingerprint
        )

    async def _run(self, operation: "_Operation", entry: AuditEntry, *, can_repeat: bool) -> GitExit:
        try:
            if operation.request.service is Service.RECEIVE_PACK and operation.exchange is not Exchange.ADVERTISEMENT:
                git = await self._push(operation, entry, can_repeat=can_repeat)
            else:
                git = await self._runner.run(*operation)
        except (OSError, ValueError) as error:
            await self._resolution.again(operation.identity, operation.request, operation.repository)
            raise Unavailable(f"git could not be started: {error}", request_id=operation.request.request_id) from error
        if git.code and not git.bytes_out and not git.abandoned:
            # git has served nothing. Perhaps the repository is gone since its path was resolved.
            await self._resolution.again(operation.identity, operation.request, operation.repository)
        entry.completed(git)
        if git.rewound:
            await entry.rewound(git)
        return git

    async def _push(self, operation: "_Operation", entry: AuditEntry, *, can_repeat: bool) -> GitExit:
        """How the push ended. One that is refused for its refs ends for the client as git's own refusals do.

        Raises `CredentialsRequired` where a login may help, and the client can repeat the push with one.
        """
        identity = operation.identity
        may_log_in = can_repeat and self._authorization.login_may_help(identity, operation.request.peer)

        def refusal_for(denied: AccessDenied) -> Refusal:
            return CredentialsRequired(denied.reason, plugin=denied.plugin) if may_log_in else denied

        async def judge(updates: tuple[RefUpdate, ...]) -> PushTerms:
            request = replace(operation.request, updates=updates)
            entry.request(request)
            try:
                allowed = await self._authorization.of_push(identity, request, operation.repository)
            except AccessDenied as denied:
                raise refusal_for(denied) from None
            entry.decided(allowed.by.plugin, allowed.by.decision.reason)
            if allowed.rewinds_refused is None:
                return PushTerms()
            return PushTerms(forward_only=allowed.rewinds_refused.refs, refusal=refusal_for(allowed.rewinds_refused))

        return await self._runner.push(*operation, judge)

    def _notice(self, request: GitRequest, moved_to: str) -> str:
        """What somebody who uses an old name is told: the URL to use, as far as it is known."""
        transport = request.peer.transport.value
        start = self._public_urls.get(transport.removesuffix("s"))
        if start is None and request.host is not None:
            start = f"{transport}://{request.host}"
        new = f"{start.rstrip('/') if start else ''}{moved_to}"
        return f"gitgate: {printable(request.path)} has moved; from now on use {printable(new)}"


class _Operation(NamedTuple):
    """What git is started with."""

    request: GitRequest
    repository: Repository
    identity: Identity
    exchange: Exchange
    client: Client
