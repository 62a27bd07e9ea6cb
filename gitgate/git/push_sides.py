"""What the two git processes of a push see of its client."""

from typing import TYPE_CHECKING

from gitgate.git.process import RunningGit

if TYPE_CHECKING:
    from gitgate.git.push import Push


class _Side:
    """What a git process of a push sees of the client."""

    def __init__(self, push: "Push") -> None:
        self._push = push

    def git_started(self, git: RunningGit) -> None:
        self._push.git_speaks(git)

    def write(self, data: bytes) -> None:
        self._push.said(data)

    def write_error(self, data: bytes) -> None:
        self._push.client.write_error(data)


class Advertising(_Side):
    """The client while it is told what git has: nobody listens to it yet."""

    def git_started(self, git: RunningGit) -> None:
        super().git_started(git)
        git.finish()

    def pauseProducing(self) -> None:
        """It is paused already."""

    def resumeProducing(self) -> None:
        """It stays paused."""


class Receiving(_Side):
    """The client once git takes its push, and answers it."""

    def git_started(self, git: RunningGit) -> None:
        super().git_started(git)
        self._push.git_listens(git)

    def pauseProducing(self) -> None:
        self._push.git_pauses(paused=True)

    def resumeProducing(self) -> None:
        self._push.git_pauses(paused=False)
