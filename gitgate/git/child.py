"""A child process in a process group of its own, without a shell and without a fork of this process.

`_trySpawnInsteadOfFork` is a private name of Twisted; docs/architecture.md lists it, and
tests/unit/git/test_process.py fails when Twisted changes it.
"""

import errno
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.process import Process, ProcessReader
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from gitgate.reactor import Timer

#: Python ignores the first two, and a child must not inherit that: git ends by SIGPIPE when nobody reads its output.
#: A shell ignores the others for what it starts in the background.
_RESET_SIGNALS: Final = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT)

#: Where the script hook_chain.sh tells gitgate what it has found, and reads whether to go on.
HOOK_SPEAKS: Final = 3
HOOK_LISTENS: Final = 4

_STREAMS: Final = {0: "w", 1: "r", 2: "r"}
_HOOK_STREAMS: Final = {HOOK_SPEAKS: "r", HOOK_LISTENS: "w"}

#: What is read of git at a time. Twisted's own reader takes 8 KiB: each time costs the same, however much comes.
_READ_SIZE: Final = 256 * 1024

#: What the pipes hold, where the system lets us (pipe(7), F_SETPIPE_SZ): usually 64 KiB, with which git waits for us at
#: each packet. Those of a hundred gits stay within what pipe(7) grants a user (pipe-user-pages-soft, 64 MiB), also
#: where some of them have the longest one.
_PIPE_SIZES: Final = {0: 128 * 1024, 1: 256 * 1024}
_LONGEST_PIPE: Final = 1024 * 1024
_MOST_LONGEST_PIPES: Final = 24

#: git's pack comes in packets of 8 to 64 KiB, and each would wake us. Once so much has come, more of them gather in a
#: longer pipe for so long at a time. Short answers and progress, for which somebody waits, never do; and a git that
#: fills what is read at once is read on.
_BULK: Final = 256 * 1024
_LEAST_TO_GATHER: Final = 4096
_SECONDS_TO_GATHER: Final = 0.001


class PipeReader(ProcessReader):
    """Reads what a child says: much of it at a time, where there is much."""

    _longest_pipes: ClassVar = 0

    _is_wanted = False
    _taken = 0
    _is_longest = False
    _gathering: Timer | None = None

    def doRead(self) -> Exception | None:  # noqa: N802
        try:
            data = os.read(self.fd, _READ_SIZE)
        except OSError as error:
            return None if error.errno in (errno.EAGAIN, errno.EINTR) else CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        if self._is_longest:
            if _LEAST_TO_GATHER <= len(data) < _READ_SIZE:
                super().stopReading()
                self._gathering = self.reactor.callLater(_SECONDS_TO_GATHER, self._gathered)
        elif self._taken <= _BULK:
            self._taken += len(data)
            if self._taken > _BULK:
                self._lengthen()
        self.dataReceived(data)
        return None

    def startReading(self) -> None:  # noqa: N802
        self._is_wanted = True
        if self._gathering is None:
            super().startReading()

    def stopReading(self) -> None:  # noqa: N802
        self._is_wanted = False
        super().stopReading()

    def connectionLost(self, reason: Failure) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        if self._is_longest:
            self._is_longest = False
            PipeReader._longest_pipes -= 1
        super().connectionLost(reason)

    def _gathered(self) -> None:
        self._gathering = None
        if self._is_wanted:
            super().startReading()

    def _lengthen(self) -> None:
        if PipeReader._longest_pipes < _MOST_LONGEST_PIPES and _has_size(self.fd, _LONGEST_PIPE):
            self._is_longest = True
            PipeReader._longest_pipes += 1


def _has_size(pipe: int, size: int) -> bool:
    """Give the pipe this size; it works as it is where the system does not let us."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)
    except OSError:
        return False
    return True


def keep_descriptors_to_ourselves() -> None:
    """Let no child inherit a descriptor that we have inherited ourselves, such as a socket from systemd.

    Once is enough: what Python opens is close-on-exec anyway (PEP 446).
    """
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2:
            try:
                os.set_inheritable(descriptor, False)
            except OSError:
                pass  # the one that listed the folder is closed by now


class GroupLeader(Process):
    """Twisted's Process, spawned as the leader of a new process group.

    With `posix_spawn` a child costs 1.4 ms, with a fork of this process 6.2 ms. The group lets `signal_group` reach the
    children of git (pack-objects, hooks and what they start), which a signal to git alone would leave behind.
    """

    processReaderFactory = PipeReader  # noqa: N815

    def __init__(
        self,
        reactor: Any,
        argv: Sequence[str],
        environment: Mapping[str, str],
        protocol: ProcessProtocol,
        *,
        with_hook: bool = False,
    ) -> None:
        """Start `argv`; with the two streams of a hook besides the usual three, where there is one of ours.

        Raises OSError where that cannot be done, and ValueError for a NUL in an argument.
        """
        streams = _STREAMS | _HOOK_STREAMS if with_hook else _STREAMS
        super().__init__(reactor, argv[0], argv, environment, None, protocol, childFDs=streams)
        for stream, size in _PIPE_SIZES.items():
            if stream in self.pipes:
                _has_size(self.pipes[stream].fileno(), size)

    def _trySpawnInsteadOfFork(  # noqa: N802
        self,
        path: object,
        uid: object,
        gid: object,
        executable: str,
        args: Sequence[str],
        environment: Mapping[str, str],
        kwargs: Mapping[str, Mapping[int, int]],
    ) -> bool:
        # From high numbers, so that no redirection overwrites the source of another.
        sources = {
            childs: fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, max(kwargs["fdmap"]) + 1)
            for childs, ours in kwargs["fdmap"].items()
        }
        try:
            self.pid = self._group = os.posix_spawn(
                executable,
                list(args),
                environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, source, childs) for childs, source in sources.items()],
                setpgroup=0,
                setsigdef=_RESET_SIGNALS,
            )
        finally:
            for source in sources.values():
                os.close(source)
        self.status = -1
        return True

    def signal_helpers(self, number: signal.Signals) -> None:
        """Send a signal to what the child has started and that stayed in its group, and not to the child itself.

        To be called before `processEnded`, as `signal_group`.
        """
        for entry in os.listdir("/proc"):
            if entry.isdecimal() and int(entry) != self._group:
                try:
                    if os.getpgid(int(entry)) == self._group:
                        os.kill(int(entry), number)
                except (ProcessLookupError, PermissionError):
                    pass

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the child and to all that it has started and that stayed in its group.

        To be called before `processEnded`: while one process of the group lives, nothing else can get its number.
        """
        try:
            os.killpg(self._group, number)
        except ProcessLookupError:
            pass
