"""A door that is a unix socket: a place in the file system, which stays taken when a server is killed."""

import errno
import socket
import stat
from pathlib import Path
from typing import Any

from twisted.internet import tcp, unix
from twisted.python.failure import Failure


class SocketPort(unix.Port):
    """Listens on a unix socket. When it stops, it removes the socket: its own, not one that has taken its place."""

    def __init__(self, path: Path, factory: Any, *, backlog: int, mode: int, reactor: Any) -> None:
        super().__init__(bytes(path), factory, backlog, mode, reactor=reactor)
        self._path = path
        self._own: tuple[int, int] | None = None

    def startListening(self) -> None:  # noqa: N802
        """Open it. Raises OSError, and CannotListenError."""
        make_room_for_socket(self._path)
        super().startListening()
        self._own = _file_at(self._path)

    def connectionLost(self, reason: Failure) -> None:
        if _file_at(self._path) == self._own:
            super().connectionLost(reason)
        else:
            # Twisted would fail here, and leave the listener open.
            tcp.Port.connectionLost(self, reason)


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def make_room_for_socket(path: Path) -> None:
    """Remove a socket at `path` that nobody listens on any more. Raises OSError where something else is in its place.

    Whether somebody listens is asked of the socket itself. A file with the number of a process, as Twisted writes one,
    says nothing in a container, where the next server often gets the number of the one that died.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "something is there that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # where somebody listens who accepts nobody, connect would wait
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError:
            pass  # to listen there will fail, and say why
