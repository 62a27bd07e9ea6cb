"""A client that is not told where on the server its repository is."""

import logging

from gitgate.git.process import Client, RunningGit
from gitgate.plugin import GitRequest, Repository, Transport
from gitgate.wire.hidden_paths import HiddenPaths, PathlessLines, PathlessPackets
from gitgate.wire.printable import printable

_log = logging.getLogger(__name__)


class PathlessClient:
    """`client`, with paths left out of what git says to people.

    Over ssh that is standard error as well, of which the log gets what was said with paths. The other transports log
    standard error, as it is.
    """

    def __init__(self, client: Client, request: GitRequest, repository: Repository) -> None:
        paths = HiddenPaths(str(repository.directory), repository.name)
        self._client = client
        self._request_id = request.request_id
        self._packets = PathlessPackets(paths)
        self._errors = PathlessLines(paths) if request.peer.transport is Transport.SSH else None
        self._is_logged = False

    def git_started(self, git: RunningGit) -> None:
        self._client.git_started(git)

    def write(self, data: bytes) -> None:
        told = self._packets.put(data)
        if told:
            self._client.write(told)

    def write_error(self, data: bytes) -> None:
        if self._errors is None:
            self._client.write_error(data)
            return
        told = self._errors.put(data)
        if told != data and data.endswith(b"\n") and not self._is_logged:
            self._is_logged = True
            _log.info("git: %s [%s]", printable(data.rstrip(b"\n"), 1000), self._request_id)
        if told:
            self._client.write_error(told)

    def pauseProducing(self) -> None:
        self._client.pauseProducing()

    def resumeProducing(self) -> None:
        self._client.resumeProducing()

    def end(self) -> None:
        """git says no more."""
        if rest := self._packets.rest():
            self._client.write(rest)
        if self._errors is not None and (rest := self._errors.rest()):
            self._client.write_error(rest)
