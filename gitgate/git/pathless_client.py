"""Clients that are not told where on the server their repository is."""

import logging

from gitgate.git.process import Client, RunningGit
from gitgate.plugin import GitRequest, Repository, Transport
from gitgate.wire.hidden_paths import HiddenPaths, PathlessLines, PathlessPackets
from gitgate.wire.printable import printable

_log = logging.getLogger(__name__)


class _AsItIs:
    """`client`, and nothing else."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def git_started(self, git: RunningGit) -> None:
        self._client.git_started(git)

    def write(self, data: bytes) -> None:
        self._client.write(data)

    def write_error(self, data: bytes) -> None:
        self._client.write_error(data)

    def pauseProducing(self) -> None:
        self._client.pauseProducing()

    def resumeProducing(self) -> None:
        self._client.resumeProducing()


class PathlessOutput(_AsItIs):
    """`client`, with paths left out of what git says to people in the side-band of its output.

    It stands before whoever keeps an answer, so that this is done once for each.
    """

    def __init__(self, client: Client, repository: Repository) -> None:
        super().__init__(client)
        self._packets = PathlessPackets(_paths_of(repository))

    def write(self, data: bytes) -> None:
        told = self._packets.put(data)
        if told:
            self._client.write(told)

    def end(self) -> None:
        """git says no more."""
        if rest := self._packets.rest():
            self._client.write(rest)


class PathlessErrors(_AsItIs):
    """`client`, with paths left out of what it hears of git's standard error.

    That is the client of ssh, and the log gets what was said with paths. The other transports log it as it is.
    """

    def __init__(self, client: Client, request: GitRequest, repository: Repository) -> None:
        super().__init__(client)
        self._request_id = request.request_id
        self._lines = PathlessLines(_paths_of(repository)) if request.peer.transport is Transport.SSH else None
        self._is_logged = False

    def write_error(self, data: bytes) -> None:
        if self._lines is None:
            self._client.write_error(data)
            return
        told = self._lines.put(data)
        if told != data and data.endswith(b"\n") and not self._is_logged:
            self._is_logged = True
            _log.info("git: %s [%s]", printable(data.rstrip(b"\n"), 1000), self._request_id)
        if told:
            self._client.write_error(told)

    def end(self) -> None:
        """git says no more."""
        if self._lines is not None and (rest := self._lines.rest()):
            self._client.write_error(rest)


def _paths_of(repository: Repository) -> HiddenPaths:
    return HiddenPaths(str(repository.directory), repository.name)
