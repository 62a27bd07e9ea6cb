"""The plugin: gitgate's hooks as questions to the service, and its replies as gitgate's answers."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from twisted.internet.task import deferLater

from gitgate.plugin import (
    Allow,
    AuditRecord,
    BearerToken,
    Credentials,
    Deny,
    Finding,
    GitRequest,
    Identity,
    Missing,
    Password,
    Peer,
    PublicKey,
    Rejected,
    Repository,
    hookimpl,
)
from gitgate_webhook.exchange import Exchange, utc_now
from gitgate_webhook.failures import BadReply, NoAnswer
from gitgate_webhook.message import (
    UPDATES_AT_ONCE,
    Message,
    about_identity,
    about_login,
    about_path,
    about_request,
    written_updates,
)
from gitgate_webhook.online import look_at
from gitgate_webhook.outbox import Outbox
from gitgate_webhook.reply import Decision, Reply
from gitgate_webhook.roots import Roots
from gitgate_webhook.service import PolicyService
from gitgate_webhook.settings import Method, WebhookSettings
from gitgate_webhook.tls import connection_creator

_log: Final = logging.getLogger(__name__)

_KINDS: Final[Mapping[Method, type]] = {"password": Password, "publickey": PublicKey, "bearer": BearerToken}


@dataclass(frozen=True, slots=True)
class _Running:
    """What needs a reactor."""

    exchange: Exchange
    service: PolicyService
    outbox: Outbox
    roots: Roots


class WebhookPlugin:
    """Asks a policy service, and abstains where it does.

    Without `reactor` it is Twisted's own, once the first question comes. `clock` only rises, `now` is the time of day.
    Every failure is raised, as a `NoAnswer`: no setting turns one into a yes.
    """

    settings_type: Final = WebhookSettings

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        reactor: Any = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.accepts = tuple(_KINDS[method] for method in dict.fromkeys(settings.credentials))
        self._settings = settings
        self._tls = connection_creator(settings.tls, settings.address.host) if settings.address.is_tls else None
        self._reactor = reactor
        self._clock = clock
        self._now = now
        self._has_told_of_roots = False

    @hookimpl
    async def authenticate(self, credentials: Credentials, peer: Peer) -> Identity | Rejected | None:
        """Whom the service says the credentials belong to."""
        reply = await self._running.service.ask(about_login(credentials, peer))
        if reply.decision is Decision.DENY:
            return Rejected(reply.reason)
        if reply.decision is Decision.ABSTAIN:
            return None
        named = reply.identity
        assert named is not None, "a reply without one does not allow a login"
        assert named.name is not None, "nor does one without a name"
        return Identity(name=named.name, groups=named.groups, attributes=named.attributes)

    @hookimpl
    async def enrich_identity(self, identity: Identity, peer: Peer) -> Identity | Rejected | None:
        """The identity with the groups and attributes that the service adds, or its refusal."""
        reply = await self._running.service.ask(about_identity(identity, peer))
        if reply.decision is Decision.DENY:
            return Rejected(reply.reason)
        if reply.decision is Decision.ABSTAIN or reply.identity is None:
            return None
        named = reply.identity
        if named.name not in (None, identity.name):
            raise BadReply(f"`identity.name` is {named.name!r}, and the question was about {identity.name!r}")
        return replace(
            identity, groups=identity.groups | named.groups, attributes={**identity.attributes, **named.attributes}
        )

    @hookimpl
    async def resolve_path(self, identity: Identity, request: GitRequest) -> Repository | Missing | None:
        """The repository that the service names, if it is below one of the roots."""
        if not self._settings.roots:
            self._tell_of_roots()
            return None
        reply = await self._running.service.ask(about_path(identity, request))
        if reply.decision is Decision.DENY:
            return Missing(reply.reason)
        if reply.decision is Decision.ABSTAIN:
            return None
        assert reply.repository is not None, "a reply without one does not allow a path"
        return await self._running.roots.find(reply.repository)

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Allow | Deny | None:
        """The service's verdict; where it does not answer, perhaps its last one, whose reason then says so."""
        message = await self._about(identity, request, repository)
        try:
            return _verdict(await self._running.service.ask(message))
        except NoAnswer as failure:
            known = self._running.service.last_reply(message)
            # A stale "no opinion" could not be marked: others would decide, as if the service had been asked.
            if known is None or known[0].decision is Decision.ABSTAIN:
                raise
            reply, age = known
            return _verdict(replace(reply, reason=f"stale answer, {age:.0f} s old ({failure}): {reply.reason}"))

    @hookimpl
    async def audited(self, record: AuditRecord) -> None:
        """Takes the record, to be sent soon."""
        self._running.outbox.put(record)

    @hookimpl
    async def check_online(self) -> Sequence[Finding]:
        """Whether the service can be reached, and what it says to a harmless question."""
        return await look_at(self._settings, self._tls, self._running.service, self._the_reactor)

    @hookimpl
    async def stopping(self) -> None:
        """Sends the last records, and closes the connections."""
        if "_running" not in vars(self):
            return
        self._running.service.stop()
        await self._running.outbox.close()
        await self._running.exchange.close()

    async def _about(self, identity: Identity, request: GitRequest, repository: Repository) -> Message:
        if len(request.updates) <= UPDATES_AT_ONCE:
            return about_request(identity, request, repository)
        parts: list[bytes] = []
        for part in written_updates(request.updates):
            parts.append(part)
            await deferLater(self._the_reactor, 0)  # others come between
        message = about_request(identity, replace(request, updates=()), repository)
        return replace(message, updates=tuple(parts))

    @cached_property
    def _the_reactor(self) -> Any:
        if self._reactor is not None:
            return self._reactor
        # Not at the top: to import it is to choose it, and a plugin that is only looked at has no say in that.
        from twisted.internet import reactor

        return reactor

    @cached_property
    def _running(self) -> _Running:
        settings, reactor = self._settings, self._the_reactor
        exchange = Exchange(settings, self._tls, reactor, self._now)
        return _Running(
            exchange,
            PolicyService(settings, exchange, reactor, clock=self._clock),
            Outbox(settings, exchange, reactor, clock=self._clock),
            Roots(settings.roots, reactor),
        )

    def _tell_of_roots(self) -> None:
        if not self._has_told_of_roots:
            self._has_told_of_roots = True
            _log.warning(
                "%s is not asked where paths lead, because no `roots` are set; set them, or name the hooks that it is "
                "for, such as hooks: [authorize]",
                self._settings.address,
            )


def _verdict(reply: Reply) -> Allow | Deny | None:
    if reply.decision is Decision.ALLOW:
        return Allow(reply.reason)
    if reply.decision is Decision.DENY:
        return Deny(reply.reason, message=reply.message, refs=reply.refs)
    return None
