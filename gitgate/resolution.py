"""From a request's path to a repository: found, or made for a push, or missing, which is told as forbidden is."""

import logging
from dataclasses import replace
from typing import NoReturn

from gitgate.audit import AuditEntry
from gitgate.authorization import Authorization
from gitgate.git.runner import GitRunner
from gitgate.plugin import Access, Deny, GitRequest, Identity, Missing, Repository
from gitgate.plugin_asking import PluginFailure
from gitgate.plugin_chain import PluginChain, Ruling
from gitgate.refusals import CredentialsRequired, RepositoryNotFound, Unavailable

_log = logging.getLogger(__name__)


class Resolution:
    """Asks the plugins where paths lead.

    Raises `RepositoryNotFound` or `CredentialsRequired` for one that leads nowhere, and `Unavailable` where a plugin
    fails.
    """

    def __init__(self, chain: PluginChain, authorization: Authorization, runner: GitRunner) -> None:
        self._chain = chain
        self._authorization = authorization
        self._runner = runner

    async def of(self, identity: Identity, request: GitRequest, entry: AuditEntry) -> Repository:
        """The repository, which `entry` is told of where it was made for this request."""
        ruling = await self._resolve(identity, request)
        if ruling is None:
            self._refuse_missing(identity, request, "no plugin knows the path", None)
        if isinstance(ruling.decision, Missing):
            self._refuse_missing(identity, request, ruling.decision.reason, ruling.plugin)
        if not ruling.decision.exists:
            return await self._create(identity, request, ruling.decision, ruling.plugin, entry)
        return ruling.decision

    async def again(self, identity: Identity, request: GitRequest, repository: Repository) -> None:
        """For a request that git could not serve from `repository`: raises where the path leads nowhere any more."""
        ruling = await self._resolve(identity, request)
        if ruling is None:
            self._refuse_missing(
                identity, request, "it went away before git could serve it: no plugin knows the path", None
            )
        if isinstance(ruling.decision, Missing):
            reason = f"it went away before git could serve it: {ruling.decision.reason}"
            self._refuse_missing(identity, request, reason, ruling.plugin)
        # A plugin may still remember what it has found a moment ago.
        if await self._runner.is_gone(repository):
            reason = f"it went away before git could serve it: nothing is at {repository.directory}"
            self._refuse_missing(identity, request, reason, ruling.plugin)

    async def _resolve(self, identity: Identity, request: GitRequest) -> Ruling[Repository | Missing] | None:
        try:
            return await self._chain.resolve_path(identity, request)
        except PluginFailure as failure:
            raise Unavailable(failure.what_happened, request_id=request.request_id, plugin=failure.plugin) from failure

    async def _create(
        self, identity: Identity, request: GitRequest, repository: Repository, plugin: str, entry: AuditEntry
    ) -> Repository:
        """The repository, made for a push that may make it. Who may not is told what a missing one is told."""
        if request.access is Access.READ:
            self._refuse_missing(identity, request, "it does not exist", plugin)
        creation = replace(request, access=Access.CREATE)
        # Who could push nothing to it makes no empty one either.
        for asked in (request, creation):
            vote = await self._authorization.vote(identity, asked, repository)
            if isinstance(vote.decision, Deny):
                self._refuse_missing(
                    identity, request, f"it does not exist, and may not be made: {vote.decision.reason}", vote.plugin
                )
        try:
            made = await self._chain.create_repository(identity, creation, repository)
        except PluginFailure as failure:
            raise Unavailable(failure.what_happened, request_id=request.request_id, plugin=failure.plugin) from failure
        if made is None:
            self._refuse_missing(identity, request, "it does not exist, and no plugin makes it", plugin)
        entry.created(vote.plugin, vote.decision.reason)
        _log.info("made %s for %s [%s]", made.decision.name, identity.name, request.request_id)
        return made.decision

    def _refuse_missing(self, identity: Identity, request: GitRequest, reason: str, plugin: str | None) -> NoReturn:
        """Say what a denied client is told too, so that nobody learns which repositories there are."""
        if self._authorization.login_may_help(identity, request.peer):
            raise CredentialsRequired(reason, plugin=plugin)
        raise RepositoryNotFound(reason, plugin=plugin)
