"""One message to the service, and its reply: signed, in time, and once more where it cannot have arrived."""

import json
import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from gitgate_webhook import opa
from gitgate_webhook.deadline import within
from gitgate_webhook.failures import ServiceDown
from gitgate_webhook.http_client import HttpClient, HttpReply
from gitgate_webhook.message import Message, compact
from gitgate_webhook.printable import printable
from gitgate_webhook.settings import WebhookSettings
from gitgate_webhook.signature import signature_headers, signing_key

_log: Final = logging.getLogger(__name__)

#: To ask these twice is to ask once. A service may count wrong passwords, and a record is one record: they are sent
#: again only where nothing at all was sent before.
_ASKED_TWICE: Final = frozenset({"enrich_identity", "resolve_path", "authorize"})

#: Before what could not be sent is sent again: time enough to replace one listener with the next.
_PAUSE_SECONDS: Final = 0.1

#: What a proxy says of a service that is not there, and a service of itself when it is busy (RFC 9110, RFC 6585).
_DOWN: Final = frozenset({429, 502, 503, 504})

#: How much of a message, and of a reply, a line of the log shows.
_LONGEST_SHOWN: Final = 4000


def new_message_id() -> str:
    """The `webhook-id` of a message. The id of gitgate's request would not do: one request asks several questions."""
    return f"msg_{secrets.token_urlsafe(16)}"


class Exchange:
    """Sends messages to one service. `now` tells the time of day."""

    def __init__(self, settings: WebhookSettings, tls: Any, reactor: Any, now: Callable[[], datetime]) -> None:
        self._address = settings.address
        self._is_opa = settings.protocol == "opa"
        self._keys = [signing_key(secret) for secret in settings.signing_secrets]
        self._headers = {"content-type": "application/json", "accept": "application/json", "user-agent": "gitgate"}
        if settings.token is not None:
            self._headers["authorization"] = f"Bearer {settings.token.reveal()}"
        self._client = HttpClient(settings.address, tls, reactor, most_kept_open=settings.max_exchanges)
        self._reactor = reactor
        self._now = now

    async def send(self, message: Message, message_id: str, seconds: float) -> HttpReply:
        """The reply, within `seconds`. Its status is anything but one by which a service says that it is down.

        Raises `ServiceDown` or `BadReply`.
        """
        late = ServiceDown(f"no whole reply within {round(seconds, 1) or seconds:.3g} s")
        return await within(seconds, Deferred.fromCoroutine(self._send(message, message_id)), self._reactor, late)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _send(self, message: Message, message_id: str) -> HttpReply:
        if message.updates:  # what was done with them until now has taken its time, and so does the signature
            await deferLater(self._reactor, 0)
        now = self._now()
        body = message.completed(compact(self._enveloped(message.as_json(message_id=message_id, time=now))))
        headers = self._headers | signature_headers(self._keys, message_id, int(now.timestamp()), body)
        name = f"{message.hook} {message_id}"
        if _log.isEnabledFor(logging.DEBUG):
            public = message.without_secrets().as_json(message_id=message_id, time=now)
            shown = json.dumps(self._enveloped(public))
            if message.updates:
                shown = shown.replace('"updates": []', '"updates": [...]', 1)
            signed = f"{len(self._keys)} signatures" if self._keys else "not signed"
            _log.debug("%s: POST %s (%s): %s", name, self._address, signed, _shown(shown))
        try:
            return await self._post(name, body, headers)
        except ServiceDown as failure:
            if failure.may_repeat:
                _log.debug("%s: %s; once more", name, failure)
                await deferLater(self._reactor, _PAUSE_SECONDS)
            elif failure.closed_while_idle and message.hook in _ASKED_TWICE:
                _log.debug("%s: %s, which was open from before; once more", name, failure)
            else:
                raise
        return await self._post(name, body, headers)

    async def _post(self, name: str, body: bytes, headers: dict[str, str]) -> HttpReply:
        began = self._reactor.seconds()
        http = await self._client.post(body, headers)
        if _log.isEnabledFor(logging.DEBUG):
            milliseconds = 1000 * (self._reactor.seconds() - began)
            text = _shown(http.body.decode("utf-8", "backslashreplace"))
            kind = http.content_type or "no content type"
            _log.debug("%s: status %d, %s, after %.0f ms: %s", name, http.status, kind, milliseconds, text)
        if http.status in _DOWN:
            raise ServiceDown(f"status {http.status}")
        return http

    def _enveloped(self, message: dict[str, Any]) -> dict[str, Any]:
        return opa.wrap(message) if self._is_opa else message


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


def _shown(text: str) -> str:
    return printable(text, _LONGEST_SHOWN)
