"""What git is asked in protocol 2: a question that is all here, or one that goes to git as it comes."""

from typing import Protocol

from gitgate.git.process import RunningGit
from gitgate.wire.malformed import NotGit
from gitgate.wire.protocol_v2 import RequestReader


class Question(Protocol):
    """What git is asked: the source of its input."""

    def git_started(self, git: RunningGit) -> None:
        """git runs: its input may be written now."""

    def pauseProducing(self) -> None:
        """git does not keep up."""

    def resumeProducing(self) -> None:
        """Go on."""


class WholeQuestion:
    """A question that is all here."""

    def __init__(self, request: bytes) -> None:
        self._request = request

    def git_started(self, git: RunningGit) -> None:
        git.write(self._request)
        git.finish()

    def pauseProducing(self) -> None:
        """There is no more of it than git's process already has."""

    def resumeProducing(self) -> None:
        """There is no more."""


class Asker(Protocol):
    """Whose question is passed on, and who holds what its client has sent."""

    def take_rest(self) -> tuple[bytes, bool]:
        """What came meanwhile, and whether that is all. More comes after `balance`, and perhaps from within it."""

    def put_back(self, data: bytes) -> None:
        """It belongs to the next request."""

    def balance(self) -> None:
        """Let the client send, unless it is ahead of what is done with it."""


class PassingQuestion:
    """A request that goes to git as it comes, to its end as `reading` tells it; or as long as there is something."""

    def __init__(self, asker: Asker, begun: bytes, reading: RequestReader | None) -> None:
        self.is_full = False
        self._asker = asker
        self._begun = begun
        self._reading = reading
        self._git: RunningGit | None = None
        self._is_over = False

    @property
    def takes_more(self) -> bool:
        """git runs, and does not have all of it."""
        return self._git is not None and not self._is_over

    def git_started(self, git: RunningGit) -> None:
        self._git = git
        git.write(self._begun)
        more, is_all = self._asker.take_rest()
        if more:
            self.write(more)
        if is_all:
            self.finish()
        self._asker.balance()

    def write(self, data: bytes) -> None:
        """Some more of the request, and perhaps of the one after it."""
        if self._git is None:
            return
        end = self._end_in(data)
        self._git.write(data if end is None else data[:end])
        if end is not None:
            self.finish()
            self._asker.put_back(data[end:])

    def finish(self) -> None:
        """There is no more of it."""
        if self.takes_more and self._git is not None:
            self._is_over = True
            self._git.finish()

    def pauseProducing(self) -> None:
        self.is_full = not self._is_over
        self._asker.balance()

    def resumeProducing(self) -> None:
        self.is_full = False
        self._asker.balance()

    def _end_in(self, data: bytes) -> int | None:
        try:
            return None if self._reading is None else self._reading.feed(data)
        except NotGit:
            self._reading = None  # git says what is wrong with it
            return None
