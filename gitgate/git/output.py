"""What a short run of git prints."""

import os
from dataclasses import dataclass
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from gitgate.deadline import within
from gitgate.git.command import GitCommand
from gitgate.reactor import Reactor

#: To read a configuration takes milliseconds; but it may include a named pipe, which is never read to its end.
_SECONDS: Final = 10.0

_MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Standard output, standard error, and the exit code."""

    out: bytes
    err: bytes
    code: int | None


async def output_of(command: GitCommand, arguments: list[str], reactor: Reactor) -> Output:
    """What git prints when it is run with `arguments` in the environment of `command`.

    Raises OSError where it cannot be started, takes too long or prints more than a mebibyte; it is ended then.
    """
    protocol = _Collector()
    environment = {os.fsencode(name): os.fsencode(value) for name, value in command.environment.items()}
    cast(Any, reactor).spawnProcess(protocol, command.argv[0], [command.argv[0], *arguments], environment)
    return await within(_SECONDS, protocol.ended, reactor)


class _Collector(ProcessProtocol):
    def __init__(self) -> None:
        self.ended: Deferred[Output] = Deferred(lambda _: self._kill())
        self._out = bytearray()
        self._err = bytearray()

    def outReceived(self, data: bytes) -> None:
        self._out += data
        self._bound()

    def errReceived(self, data: bytes) -> None:
        self._err += data
        self._bound()

    def processEnded(self, reason: Failure) -> None:
        if not self.ended.called:
            code = cast(Any, reason.value).exitCode
            self.ended.callback(Output(out=bytes(self._out), err=bytes(self._err), code=code))

    def _bound(self) -> None:
        if len(self._out) + len(self._err) > _MOST_BYTES and not self.ended.called:
            self._kill()
            self.ended.errback(OSError(f"git printed more than {_MOST_BYTES} bytes"))

    def _kill(self) -> None:
        try:
            cast(Any, self.transport).signalProcess("KILL")
        except ProcessExitedAlready:
            pass
