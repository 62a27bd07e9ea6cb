"""One connection: its requests one after the other, its deadlines, and the answer to what is no request.

Private names of twisted.web on which this rests, besides the public methods that it overrides, are `_command`, `_path`
and `_version` (the request line, while the headers are read), `_respondToBadRequestAndDisconnect`, and what bounds the
trailers of a chunked body, `_transferDecoder._maxTrailerHeadersSize`. docs/architecture.md lists them, and
tests/unit/transports/http/test_twisted_private_names.py fails when Twisted changes them.
"""

import logging
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request

from gitgate.plugin import Transport
from gitgate.transports.connections import peer_at
from gitgate.transports.http.due import Due
from gitgate.transports.http.surroundings import Surroundings
from gitgate.transports.penalties import Offence
from gitgate.transports.transfer import Transfer
from gitgate.wire.http_target import Unserved
from gitgate.wire.malformed import Malformed
from gitgate.wire.wrong_port import wrong_port

_log = logging.getLogger(__name__)

#: A body's last chunk is followed by an empty line, and by nothing else: no client of git sends trailers, and
#: twisted.web would keep 64 KiB of them, which as 22,000 lines take 2 MiB of memory.
_TRAILER_BYTES: Final = 2

#: A client that is answered while it still sends is read for so long, for a reset would destroy the answer on its way.
_LINGERING_SECONDS: Final = 2.0
_LINGERING_BYTES: Final = 65536

#: Everybody waits while one read is worked off, so only a body that comes in pieces of some size is read in large ones.
#: 64 KiB in chunks of one byte took a tenth of a second, and eight clients that sent nothing else stopped the server.
_SHORT_READ: Final = 4096
_LONG_READ: Final = 65536
_LEAST_PIECE: Final = 1024

#: After so many requests others have their turn: hundreds fit into one read, and many answers are there at once.
_REQUESTS_IN_A_TURN: Final = 16


class StreamedRequest(Protocol):
    """What the channel needs of a request, beyond what twisted.web does."""

    body_is_complete: bool
    git_has_answered: bool

    def headers_received(self, method: bytes, target: bytes, version: bytes) -> None:
        """Decide what is to be done. Called before a byte of the body."""

    def give_to_git(self) -> int:
        """Pass on what has come of the body since the last time, and say in how many pieces it came."""

    def body_broken(self, malformed: Malformed) -> bool:
        """The rest of the body cannot be understood. Whether this request still gets its answer."""


class GitChannel(HTTPChannel):
    """Speaks HTTP/1.1 and 1.0 with one client."""

    transport: Connection  # type: ignore[assignment]
    requests: list[StreamedRequest]

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        self.surroundings = surroundings
        self.maxHeaders = surroundings.limits.max_headers
        self.totalHeadersSize = self.MAX_LENGTH = surroundings.limits.max_header_bytes
        self._transfer = Transfer(surroundings.clock, surroundings.limits, self._too_slow)
        self._due = Due(surroundings.clock)
        self._requests_begun = 0
        self._nothing_came = True
        self._is_let_in = False
        self._held = False
        self._blocked = False
        self._answered: Request | None = None
        self._requests_in_this_turn = 0
        self._next_turn = Due(surroundings.clock)
        self._lingering = False
        self._drains_all = False
        self._drained = 0
        self._is_closing = False

    # What a request calls.

    def hold(self) -> None:
        """Read nothing more from the client, until `release`."""
        self._held = True
        self._transfer.sending.end()
        self.transport.pauseProducing()

    def release(self) -> None:
        """Read on."""
        self._held = False
        if self._is_closing:
            return
        if self.requests and not self.requests[0].body_is_complete:
            self._transfer.sending.begin()
        if not self.transport.disconnecting:
            self.transport.resumeProducing()

    def let_in(self) -> None:
        """A request was decided, whatever the answer."""
        self._is_let_in = True
        self.surroundings.connections.let_in(self.transport)

    def login_refused(self) -> None:
        """A login failed. Each guess costs a connection, and meets at the door what was guessed before."""
        self._blame(Offence.LOGIN_REFUSED)
        self.persistent = False

    def loseConnection(self) -> None:  # noqa: N802
        """Close, once the client has taken what is written; it has the time of a login for that."""
        self._close_within(self.surroundings.limits.login_deadline)

    # What Twisted calls.

    def connectionMade(self) -> None:
        self.peer = peer_at(self.surroundings.transport, self.transport.getPeer())
        self.surroundings.connections.add(self.transport)
        self._await_headers()
        self._read_at_most(_SHORT_READ)
        super().connectionMade()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.surroundings.connections.discard(self.transport)
        self._is_closing = True
        self._due.end()
        self._transfer.end()
        self._next_turn.end()
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        if self._is_closing:
            return  # TLS still brings what comes before the client's goodbye; it moves no deadline
        self._transfer.sending.moved(len(data))
        if self._nothing_came:
            self._nothing_came = False
            self._refuse_others(data)
        if not self._lingering:
            super().dataReceived(data)
            pieces = self.requests[0].give_to_git() if self.requests else 0
            self._read_at_most(_LONG_READ if 0 < pieces * _LEAST_PIECE <= len(data) else _SHORT_READ)
            return
        self._drained += len(data)
        if self._drains_all:
            self._due.set(_LINGERING_SECONDS, self.loseConnection)
        elif self._drained > _LINGERING_BYTES:
            self.transport.pauseProducing()
            # A TLS client's goodbye would not be read either, and `loseConnection` waits for that.
            self._due.set(_LINGERING_SECONDS, self.transport.abortConnection)

    def lineReceived(self, line: bytes) -> None:
        if line.startswith((b" ", b"\t")):
            # Two header lines for one reader, one for the next (RFC 9112 section 5.2).
            self._respondToBadRequestAndDisconnect()
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        if self.requests:
            self._refuse(Unserved("a header is too long", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        else:
            self._refuse(Unserved("the request target is too long", HTTPStatus.REQUEST_URI_TOO_LONG))

    def headerReceived(self, line: bytes) -> bool:
        try:
            return bool(super().headerReceived(line))
        except ValueError:
            # A Content-Length of more digits than Python makes a number of.
            self._respondToBadRequestAndDisconnect()
            return False

    def allHeadersReceived(self) -> None:
        """Instead of twisted.web's, which answers `Expect: 100-continue` before anybody has decided anything."""
        self._due.clear()
        self._transfer.begin()
        request = self.requests[-1]
        self.persistent = self.checkPersistence(request, self._version)
        if self.length is None and self._transferDecoder is not None:
            self._transferDecoder._maxTrailerHeadersSize = _TRAILER_BYTES
        if self.length != 0:
            request.headers_received(self._command, cast(bytes, self._path), self._version)

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802
        self._requests_begun += 1
        if self._requests_begun < self.surroundings.limits.max_requests:
            return bool(super().checkPersistence(request, version))
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        return False

    def allContentReceived(self) -> None:
        self._transfer.sending.end()
        super().allContentReceived()

    def requestDone(self, request: Request) -> None:  # noqa: N802
        self._held = False
        self._requests_in_this_turn += 1
        if not self.requests[0].body_is_complete:
            # git reads no further when it refuses a pack; its client sends all of it before it looks at the answer.
            self._linger(drain_all=self.requests[0].git_has_answered)
        elif self._blocked:
            # The next request waits until this answer is taken: a thousand requests in one packet, whose answers
            # nobody reads, would be answered into our memory.
            self._answered = request
        elif self._requests_in_this_turn >= _REQUESTS_IN_A_TURN:
            self._answered = request
            self._next_turn.set(0, self._take_turn)
        else:
            self._transfer.end()
            self._await_headers()
            super().requestDone(request)

    def pauseProducing(self) -> None:
        """The socket is full."""
        self._blocked = True
        self._transfer.taking.begin()
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """The client has taken all that was written."""
        self._blocked = False
        self._transfer.taking.end()
        super().resumeProducing()
        if self._held:
            self.transport.pauseProducing()
        self._go_on_after_answer()

    def _take_turn(self) -> None:
        self._requests_in_this_turn = 0
        self._go_on_after_answer()

    def _go_on_after_answer(self) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            self.requestDone(answered)

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        self._refuse(Unserved("malformed request"))

    def _refuse_others(self, beginning: bytes) -> None:
        """What begins as TLS or git:// does may have no end of a line, and would be waited for."""
        mistake = wrong_port(beginning, Transport.HTTP) if self.surroundings.transport is Transport.HTTP else None
        if mistake is not None:
            self._refuse(Unserved(mistake))

    def _refuse(self, malformed: Malformed) -> None:
        if self._lingering or (self.requests and self.requests[-1].body_broken(malformed)):
            return
        self.transport.write(self.surroundings.refuse(malformed, self.peer))
        self._linger()

    def _linger(self, *, drain_all: bool = False) -> None:
        """Discard what the client still sends, then close: after a while, or with `drain_all` when no more comes."""
        self._lingering = True
        self._drains_all = drain_all
        if drain_all:
            self._transfer.sending.begin()
        else:
            self._transfer.end()
        self.clearLineBuffer()
        self.transport.resumeProducing()
        self._due.set(_LINGERING_SECONDS, self.loseConnection)

    def _read_at_most(self, size: int) -> None:
        """At once, from the socket: under TLS, that is the transport of the transport."""
        connection: Any = getattr(self.transport, "transport", self.transport)
        connection.bufferSize = size

    def _blame(self, offence: Offence) -> None:
        self.surroundings.connections.blame(self.peer, offence)

    # One timer serves for all that is waited for between requests; a request has its `_transfer`.
    def _await_headers(self) -> None:
        """From here to the end of the headers of a request, however slowly its bytes come; and TLS before them."""
        self._due.set(self.surroundings.limits.login_deadline, self._no_headers)

    def _no_headers(self) -> None:
        if not self._is_let_in:
            self._blame(Offence.NO_LOGIN_IN_TIME)
        self._close_within(_LINGERING_SECONDS)

    def _too_slow(self, what: str) -> None:
        _log.info("%s %s: closed, %s", self.peer.transport.value, self.peer.address or "local", what)
        self.transport.abortConnection()

    def _close_within(self, seconds: float) -> None:
        self._is_closing = True
        self._transfer.end()
        self._due.set(seconds, self.transport.abortConnection)
        super().loseConnection()
