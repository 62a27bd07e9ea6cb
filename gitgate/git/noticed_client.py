"""A client that is told something of gitgate's besides what git says."""

from gitgate.git.process import Client, RunningGit
from gitgate.wire.notice import Notice


class NoticedClient:
    """`client`, with a notice in what it gets."""

    def __init__(self, client: Client, text: str) -> None:
        self._client = client
        self._notice = Notice(text)

    def git_started(self, git: RunningGit) -> None:
        self._client.git_started(git)

    def write(self, data: bytes) -> None:
        told = self._notice.put_into(data)
        if told:
            self._client.write(told)

    def write_error(self, data: bytes) -> None:
        self._client.write_error(data)

    def pauseProducing(self) -> None:
        self._client.pauseProducing()

    def resumeProducing(self) -> None:
        self._client.resumeProducing()

    def end(self) -> None:
        """git says no more."""
        rest = self._notice.rest()
        if rest:
            self._client.write(rest)
