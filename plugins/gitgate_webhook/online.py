"""What `gitgate check --online` finds out about the service."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from gitgate.plugin import ANONYMOUS, Access, Finding, GitRequest, Peer, Repository, Service, Transport
from gitgate_webhook.deadline import within
from gitgate_webhook.failures import NoAnswer, ServiceDown
from gitgate_webhook.http_client import endpoint_of, no_reply
from gitgate_webhook.message import Message, about_request
from gitgate_webhook.service import PolicyService
from gitgate_webhook.settings import WebhookSettings

#: A certificate that ends sooner is a problem already: somebody has to get a new one.
_SOON: Final = timedelta(days=14)


async def look_at(settings: WebhookSettings, tls: Any, service: PolicyService, reactor: Any) -> list[Finding]:
    """How the service is reached, and what it says to a question that does no harm."""
    address = settings.address
    connecting = _connect(endpoint_of(address, tls, reactor), is_tls=address.is_tls)
    late = ServiceDown(f"no connection within {settings.timeout}")
    try:
        connection = await within(settings.timeout, Deferred.fromCoroutine(connecting), reactor, late)
    except NoAnswer as failure:
        return [Finding(f"{address}: {failure}", is_problem=True)]
    return [Finding(f"{address}: {connection.words}", is_problem=connection.ends_soon), await _ask(service)]


@dataclass(frozen=True, slots=True)
class _Connection:
    """What is known of a connection that stood."""

    words: str
    ends_soon: bool = False


def _with_tls(handle: Any) -> _Connection:
    certificate = handle.get_peer_certificate().to_cryptography()
    ends = certificate.not_valid_after_utc
    words = (
        f"connects with {handle.get_protocol_version_name()}; its certificate is trusted "
        f"({certificate.subject.rfc4514_string()}), until {ends:%Y-%m-%d}"
    )
    return _Connection(words, ends_soon=ends < datetime.now(UTC) + _SOON)


@implementer(IHandshakeListener)
class _Look(Protocol):
    """Looks at a connection, and closes it."""

    def __init__(self, *, is_tls: bool) -> None:
        self._is_tls = is_tls
        self.seen: Deferred[_Connection] = Deferred()

    def connectionMade(self) -> None:
        if not self._is_tls:
            self._see(_Connection("connects"))

    def handshakeCompleted(self) -> None:  # noqa: N802
        transport: Any = self.transport
        self._see(_with_tls(transport.getHandle()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.seen.called:
            self.seen.errback(reason)

    def _see(self, connection: _Connection) -> None:
        transport: Any = self.transport
        transport.loseConnection()
        self.seen.callback(connection)


async def _connect(endpoint: Any, *, is_tls: bool) -> _Connection:
    look = _Look(is_tls=is_tls)
    try:
        await endpoint.connect(Factory.forProtocol(lambda: look))
        return await look.seen
    except CancelledError:
        raise
    except Exception as error:
        raise no_reply(error, is_new_connection=True) from error


async def _ask(service: PolicyService) -> Finding:
    message = harmless_question()
    asked = f"asked whether somebody who has not logged in may read {message.content['request']['path']}"
    try:
        reply = await service.ask(message)
    except NoAnswer as failure:
        return Finding(f"{asked}: no answer: {failure}", is_problem=True)
    return Finding(f"{asked}: {reply.decision.value}: {reply.reason}")


def harmless_question() -> Message:
    """Whether nobody in particular may read what is not there."""
    name = f"gitgate-check-{secrets.token_hex(4)}"
    request = GitRequest(
        request_id=name,
        peer=Peer(transport=Transport.HTTPS, address="127.0.0.1", port=0, encrypted=True),
        service=Service.UPLOAD_PACK,
        path=f"/{name}",
        protocol=2,
        host=None,
        access=Access.READ,
    )
    return about_request(ANONYMOUS, request, Repository(directory=Path("/", name), name=name))
