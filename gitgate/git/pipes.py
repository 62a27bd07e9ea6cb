"""The pipes between us and a child: much goes through at a time, where there is much.

git's pack comes in packets of 8 to 64 KiB, and git's index-pack takes one in pieces of 4 KiB; each would wake us. So
the pipe of a pack is made longer, and then left alone for a millisecond at a time, in which more gathers in it, or is
taken from it. Short answers and progress, for which somebody waits, pass at once. So does the pack of a git that is
alone: it takes twice as much of a processor that nobody else needs, and comes sooner.
"""

import errno
import fcntl
import os
from collections.abc import Callable
from typing import Any, ClassVar, Final

from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.process import ProcessReader, ProcessWriter
from twisted.python.failure import Failure

from gitgate.reactor import Timer

#: What is read of git at a time. Twisted's own reader takes 8 KiB: each time costs the same, however much comes.
READ_SIZE: Final = 256 * 1024

#: What the pipes hold, where the system lets us (pipe(7), F_SETPIPE_SZ): usually 64 KiB, with which git waits for us at
#: each packet. Those of a hundred gits stay within what pipe(7) grants a user (pipe-user-pages-soft, 64 MiB), also
#: where some of them have the longest one.
PIPE_SIZES: Final = {0: 128 * 1024, 1: 256 * 1024}
_LONGEST_PIPE: Final = 1024 * 1024
_MOST_LONGEST_PIPES: Final = 24

#: Once so much was read, it is a pack. What is written is one where the pipe is full.
_BULK: Final = 256 * 1024
_LEAST_TO_GATHER: Final = 4096
_SECONDS_OF_REST: Final = 0.001


def has_size(pipe: int, size: int) -> bool:
    """Give the pipe this size; it works as it is where the system does not let us."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)
    except OSError:
        return False
    return True


class _Length:
    """The length of one pipe. Only some can have the longest."""

    _longest: ClassVar = 0

    def __init__(self) -> None:
        self.is_longest = False

    @property
    def is_one_of_several(self) -> bool:
        """There is another one, so that what this one takes of the processor is missed."""
        return self.is_longest and _Length._longest > 1

    def extend(self, pipe: int) -> None:
        if not self.is_longest and _Length._longest < _MOST_LONGEST_PIPES and has_size(pipe, _LONGEST_PIPE):
            self.is_longest = True
            _Length._longest += 1

    def end(self) -> None:
        if self.is_longest:
            self.is_longest = False
            _Length._longest -= 1


class _Watch:
    """Whether the reactor watches a pipe: while that is wanted, but for the time of a rest."""

    def __init__(self, reactor: Any, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self.is_wanted = False
        self._reactor = reactor
        self._begin = begin
        self._end = end
        self._rest: Timer | None = None

    def want(self) -> None:
        self.is_wanted = True
        if self._rest is None:
            self._begin()

    def leave(self) -> None:
        self.is_wanted = False
        self._end()

    def rest(self) -> None:
        if self._rest is None:
            self._end()
            self._rest = self._reactor.callLater(_SECONDS_OF_REST, self._rested)

    def close(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _rested(self) -> None:
        self._rest = None
        if self.is_wanted:
            self._begin()


class PipeReader(ProcessReader):
    """Reads what a child says. A child that fills what is read at once is read on."""

    def __init__(self, reactor: Any, *arguments: Any) -> None:
        self._length = _Length()
        self._watch = _Watch(reactor, super().startReading, super().stopReading)
        self._taken = 0
        super().__init__(reactor, *arguments)

    def doRead(self) -> Exception | None:  # noqa: N802
        try:
            data = os.read(self.fd, READ_SIZE)
        except OSError as error:
            return None if error.errno in (errno.EAGAIN, errno.EINTR) else CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        if self._length.is_one_of_several and _LEAST_TO_GATHER <= len(data) < READ_SIZE:
            self._watch.rest()
        elif self._taken <= _BULK:
            self._taken += len(data)
            if self._taken > _BULK:
                self._length.extend(self.fd)
        self.dataReceived(data)
        return None

    def startReading(self) -> None:  # noqa: N802
        self._watch.want()

    def stopReading(self) -> None:  # noqa: N802
        self._watch.leave()

    def connectionLost(self, reason: Failure) -> None:
        self._watch.close()
        self._length.end()
        super().connectionLost(reason)


class PipeWriter(ProcessWriter):
    """Tells a child: at once what the pipe takes, and more when there is room again."""

    def __init__(self, reactor: Any, *arguments: Any, **options: Any) -> None:
        self._length = _Length()
        self._watch = _Watch(reactor, super().startWriting, super().stopWriting)
        super().__init__(reactor, *arguments, **options)

    def write(self, data: bytes) -> None:
        written = 0
        if self.connected and not self._watch.is_wanted:
            try:
                written = os.write(self.fd, data)
            except OSError:
                pass  # it is full, or Twisted finds out what has happened to it
        if written < len(data):
            super().write(data[written:] if written else data)
            if written:
                self._is_full()

    def doWrite(self) -> Any:  # noqa: N802
        outcome = super().doWrite()
        if outcome is None and self._watch.is_wanted:
            self._is_full()
        return outcome

    def startWriting(self) -> None:  # noqa: N802
        self._watch.want()

    def stopWriting(self) -> None:  # noqa: N802
        self._watch.leave()

    def connectionLost(self, reason: Failure) -> None:
        self._watch.close()
        self._length.end()
        super().connectionLost(reason)

    def _is_full(self) -> None:
        self._length.extend(self.fd)
        if self._length.is_longest:
            self._watch.rest()
