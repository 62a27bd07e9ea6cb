"""Asks the service: from a message to a reply, once, and not more often than it can bear.

ask      the same question as a moment ago, or as somebody else's under way?    memory.py, flights.py
  |      is there a turn?  is the service alive?                                line.py, breaker.py
  |      send it, signed, and get what comes back                               exchange.py, http_client.py
  |      understand that                                                        reply.py, opa.py
  v
Reply, or NoAnswer
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from gitgate_webhook import opa
from gitgate_webhook.breaker import CircuitBreaker
from gitgate_webhook.exchange import Exchange, new_message_id
from gitgate_webhook.failures import BadReply, NoAnswer
from gitgate_webhook.flights import Flights
from gitgate_webhook.http_client import HttpReply
from gitgate_webhook.line import Line
from gitgate_webhook.memory import Memory
from gitgate_webhook.message import Message
from gitgate_webhook.reply import Reply, parse_json, read_reply
from gitgate_webhook.settings import WebhookSettings

_log: Final = logging.getLogger(__name__)


class PolicyService:
    """A policy service that answers questions. `clock` only rises."""

    def __init__(
        self,
        settings: WebhookSettings,
        exchange: Exchange,
        reactor: Any,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._understand = opa.unwrap if settings.protocol == "opa" else read_reply
        self._timeout = settings.timeout
        self._exchange = exchange
        self._reactor = reactor
        self._memory = Memory(settings.cache, settings.stale or 0.0, clock)
        self._flights: Flights[Reply] = Flights()
        self._breaker = CircuitBreaker(settings.breaker, str(settings.address), clock)
        self._line = Line(
            at_once=settings.max_exchanges,
            waiting=settings.max_waiting,
            seconds=settings.timeout / 2,  # which leaves as much to answer in: a queue does not make the service slow
            reactor=reactor,
        )

    async def ask(self, message: Message) -> Reply:
        """The reply to a question, within the setting `timeout`. Raises `NoAnswer`."""
        key = self._memory.key(message.question())
        known = self._memory.good(key)
        if known is not None:
            _log.debug("%s: answered from the cache, %s: %s", message.hook, known.decision.value, known.reason)
            return known
        return await self._flights.join(key, lambda: self._fetch(key, message))

    def last_reply(self, message: Message) -> tuple[Reply, float] | None:
        """The last reply to the same question of `authorize`, and how many seconds old it is.

        None without the setting `stale`, and where there has been none in that time.
        """
        return self._memory.last(self._memory.key(message.question()))

    def stop(self) -> None:
        """End what is under way."""
        self._flights.cancel()

    async def _fetch(self, key: bytes, message: Message) -> Reply:
        message_id = new_message_id()
        try:
            http = await self._turn(message, message_id)
            reply = self._understood(message.hook, http)
        except NoAnswer as failure:
            _log.debug("%s %s: no answer: %s", message.hook, message_id, failure)
            raise
        ttl = "no ttl" if reply.ttl is None else f"ttl {reply.ttl:g} s"
        _log.debug("%s %s: understood as %s, %s: %s", message.hook, message_id, reply.decision.value, ttl, reply.reason)
        self._memory.keep(key, message.hook, reply, len(http.body))
        return reply

    async def _turn(self, message: Message, message_id: str) -> HttpReply:
        self._breaker.check()  # or else those for whom there is no hope would wait in line
        began = self._reactor.seconds()
        await self._line.wait()
        try:
            left = self._timeout - (self._reactor.seconds() - began)
            return await self._breaker.run(lambda: self._exchange.send(message, message_id, left))
        finally:
            self._line.leave()

    def _understood(self, hook: str, http: HttpReply) -> Reply:
        if http.status != 200:
            raise BadReply(f"status {http.status}, not 200{_hint(http.status)}")
        if http.content_type != "application/json":
            raise BadReply(f"the content type is {http.content_type!r}, not application/json")
        return self._understand(hook, parse_json(http.body))


def _hint(status: int) -> str:
    """What an operator looks at first (RFC 9110, section 15)."""
    if status == 401:
        return "; it does not accept the signature (the secret, or a clock) or the token"
    if status == 404:
        return "; is the path in `url` that of the service?"
    return ", and redirects are not followed" if 300 <= status < 400 else ""
