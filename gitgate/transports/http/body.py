"""The body of one request, on its way to git."""

from collections.abc import Callable
from http import HTTPStatus

from gitgate.git.process import RunningGit
from gitgate.transports.http.inflate import Inflater, Uncompressed
from gitgate.wire.http_target import Unserved
from gitgate.wire.malformed import Malformed
from gitgate.wire.pktline import HEADER_LENGTH, payload_length


class RequestBody:
    """Keeps what one read of the network gave until git takes it, and calls `wait` and `go_on` around that.

    git gets nothing after a byte that makes the body malformed. Its input then ends, as it does for a client that went
    away, and `malformed` says what was wrong.
    """

    def __init__(
        self, *, compressed: bool, longest: int | None, wait: Callable[[], None], go_on: Callable[[], None]
    ) -> None:
        """`longest` is how many bytes git may get, when they are inflated."""
        self.begun = False
        self.complete = False
        self.malformed: Malformed | None = None
        self._source = Inflater() if compressed else Uncompressed()
        self._longest = longest
        self._length = 0
        self._wait = wait
        self._go_on = go_on
        self._git: RunningGit | None = None
        self._git_is_full = False
        self._start = b""
        self._ended = False

    @property
    def is_taken(self) -> bool:
        """git runs, and gets it."""
        return self._git is not None

    def received(self, data: bytes) -> None:
        """Some of the body, from the network."""
        self.begun = True
        self._source.feed(data)
        self._flow()

    def received_all(self) -> None:
        """There is no more of it."""
        self.complete = True
        self._flow()

    def broken(self, malformed: Malformed) -> None:
        """What follows cannot be understood."""
        self.malformed = self.malformed or malformed
        self._wait()
        self._end()

    def start(self, git: RunningGit) -> None:
        """git runs."""
        self._git = git
        if self.malformed is None:
            self._flow()
        else:
            self._end()

    def pause(self) -> None:
        """git does not keep up."""
        self._git_is_full = True
        self._wait()

    def resume(self) -> None:
        """git takes more."""
        self._git_is_full = False
        self._flow()

    def _flow(self) -> None:
        if self._git is None or self._ended:
            return
        try:
            while not self._git_is_full and (piece := self._source.read()):
                self._check_start(piece)
                self._check_length(piece)
                self._git.write(piece)
            if self._git_is_full:
                return
            if self.complete:
                self._source.end()
                self._end()
        except Malformed as malformed:
            self.broken(malformed)
        else:
            self._go_on()

    def _end(self) -> None:
        if self._git is not None and not self._ended:
            self._ended = True
            self._git.finish()

    def _check_length(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._longest is not None and self._length > self._longest:
            raise Unserved(f"the body is longer than {self._longest} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def _check_start(self, piece: bytes) -> None:
        """Both services read pkt-lines first; git itself says nothing over http to a client that sends none."""
        if len(self._start) < HEADER_LENGTH:
            self._start = (self._start + piece[:HEADER_LENGTH])[:HEADER_LENGTH]
            if len(self._start) == HEADER_LENGTH:
                payload_length(self._start)
