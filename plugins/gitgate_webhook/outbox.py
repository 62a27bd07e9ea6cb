"""Audit records on their way to the service. Nobody waits for them, and none is sent twice."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList

from gitgate.plugin import AuditRecord
from gitgate_webhook.breaker import CircuitBreaker
from gitgate_webhook.deadline import within
from gitgate_webhook.exchange import Exchange, new_message_id
from gitgate_webhook.failures import BadReply, NoAnswer
from gitgate_webhook.message import about_record
from gitgate_webhook.settings import WebhookSettings

_log: Final = logging.getLogger(__name__)

#: Exchanges at once, and the records that wait for one before others are lost. Questions do not share them.
_AT_ONCE: Final = 4
_MOST_WAITING: Final = 500


class Outbox:
    """Sends records in the background, and says when some begin to be lost, and how many were at the end."""

    def __init__(
        self, settings: WebhookSettings, exchange: Exchange, reactor: Any, *, clock: Callable[[], float]
    ) -> None:
        self._timeout = settings.timeout
        self._exchange = exchange
        self._reactor = reactor
        # One of its own: a service that takes no records may well answer questions.
        self._breaker = CircuitBreaker(settings.breaker, f"{settings.address}, for audit records", clock)
        self._records: deque[AuditRecord] = deque()
        self._senders: set[Deferred[None]] = set()
        self._lost = 0

    def put(self, record: AuditRecord) -> None:
        """Send it, soon."""
        if len(self._records) >= _MOST_WAITING:
            self._lose(f"{_MOST_WAITING} are waiting")
            return
        self._records.append(record)
        if len(self._senders) < _AT_ONCE:
            sender = Deferred.fromCoroutine(self._send_all())
            if not sender.called:
                self._senders.add(sender)
                sender.addBoth(lambda _: self._senders.discard(sender))

    async def close(self) -> None:
        """Wait for what is under way, as long as two records may take; what is left is lost."""
        late = TimeoutError()
        try:
            await within(2 * self._timeout, DeferredList(list(self._senders)), self._reactor, late)
        except TimeoutError:
            self._lost += len(self._records)
            self._records.clear()
            for sender in tuple(self._senders):
                sender.cancel()
        if self._lost:
            _log.error("audit records: %d were lost by the end", self._lost)

    async def _send_all(self) -> None:
        while self._records:
            record = self._records.popleft()
            try:
                await self._breaker.run(lambda record=record: self._send(record))  # type: ignore[misc]
            except NoAnswer as failure:
                self._lose(str(failure))
            except Exception:
                _log.exception("an audit record cannot be sent")
                self._lose("it cannot be sent")
            else:
                self._sent()

    async def _send(self, record: AuditRecord) -> None:
        http = await self._exchange.send(about_record(record), new_message_id(), self._timeout)
        if not 200 <= http.status < 300:
            raise BadReply(f"status {http.status}")

    def _lose(self, why: str) -> None:
        self._lost += 1
        if self._lost == 1:
            _log.error("audit records do not reach the service: %s", why)

    def _sent(self) -> None:
        if self._lost:
            _log.warning("audit records reach the service again; %d were lost", self._lost)
            self._lost = 0
