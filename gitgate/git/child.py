"""A child process in a process group of its own, without a shell and without a fork of this process.

`_trySpawnInsteadOfFork` is a private name of Twisted; docs/architecture.md lists it, and
tests/unit/git/test_process.py fails when Twisted changes it.
"""

import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any, Final

from twisted.internet.process import Process
from twisted.internet.protocol import ProcessProtocol

from gitgate.git.pipes import PIPE_SIZES, PipeReader, PipeWriter, has_size

#: Python ignores the first two, and a child must not inherit that: git ends by SIGPIPE when nobody reads its output.
#: A shell ignores the others for what it starts in the background.
_RESET_SIGNALS: Final = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT)

#: Where the script hook_chain.sh tells gitgate what it has found, and reads whether to go on.
HOOK_SPEAKS: Final = 3
HOOK_LISTENS: Final = 4

_STREAMS: Final = {0: "w", 1: "r", 2: "r"}
_HOOK_STREAMS: Final = {HOOK_SPEAKS: "r", HOOK_LISTENS: "w"}


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
    processWriterFactory = PipeWriter  # noqa: N815

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
        for stream, size in PIPE_SIZES.items():
            has_size(kwargs["fdmap"][stream], size)  # before anybody writes, who may need a longer one
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
