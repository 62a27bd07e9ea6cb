r"""git's answer to one request, for every client that asks the same while it is kept.

    git  --->  Answer  --->  store, as long as there is room
                      \--->  Reader -> client      each at its own pace: git waits for none of them,
                       \-->  Reader -> client      unless the answer is not stored: then for the slowest

A reader that comes later gets what is stored, and then what git goes on to say. Where the room ends while several read,
git does not wait for the slowest for long: who takes nothing while another one waits has to ask again.
"""

from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gitgate.git import EXIT_FATAL
from gitgate.git.answer_store import AnswerStore, NoRoom
from gitgate.git.pipes import READ_SIZE
from gitgate.git.process import GitExit, RunningGit
from gitgate.git.question import Question
from gitgate.reactor import Clock, Timer

#: So much a reader brings its client at once, before others have their turn.
_MOST_AT_ONCE: Final = 1024 * 1024

#: So long one reader may take nothing while it holds up another one.
_SECONDS_OF_PATIENCE: Final = 30.0

#: What is told to a reader that held up another one.
_LEFT_BEHIND: Final = b"gitgate: there is no room to keep this until you have it; try again\n"


class Listener(Protocol):
    """Where a reader brings the answer."""

    def said(self, data: bytes) -> None:
        """git says so; may call the reader's `pause` from within."""

    def said_error(self, data: bytes) -> None:
        """git says so to people."""


class Reader:
    """One client on its way through an answer. `ended` fires with git's end once the client has all of it."""

    def __init__(self, answer: "Answer", listener: Listener) -> None:
        self.ended: Deferred[GitExit] = Deferred()
        self.position = 0
        self.is_paused = False
        self._answer = answer
        self._listener = listener
        self._is_reading = False
        self._next_turn: Timer | None = None

    def pause(self) -> None:
        """The client does not keep up."""
        self.is_paused = True

    def resume(self) -> None:
        """The client takes more."""
        self.is_paused = False
        self.read()

    def takes(self, data: bytes, position: int) -> bool:
        """git has just said `data`, which begins at `position`: the client gets it at once, unless it is behind."""
        if self.is_paused or self._is_reading or self.position != position:
            return False
        self.position += len(data)
        self._listener.said(data)
        return True

    def read(self) -> None:
        """Bring the client what it can take."""
        if self._is_reading:
            return  # called from within `said`, by a client that takes more at once
        self._is_reading = True
        self.stop()
        most = self.position + _MOST_AT_ONCE
        try:
            while not self.is_paused and self.position < most and (data := self._answer.read(self.position)):
                self.position += len(data)
                self._listener.said(data)
            if self.position >= most and not self.is_paused:
                self._next_turn = self._answer.clock.callLater(0, self.read)
        finally:
            self._is_reading = False
        self._answer.reader_moved(self)

    def hear_of_more(self) -> None:
        """git has said more than this one has: it reads, unless it does so anyway when its turn comes again."""
        if self._next_turn is None:
            self.read()

    def stop(self) -> None:
        """It reads no further by itself."""
        if self._next_turn is not None and self._next_turn.active():
            self._next_turn.cancel()
        self._next_turn = None

    def told(self, data: bytes) -> None:
        """git has said something to people."""
        self._listener.said_error(data)

    async def leave(self) -> None:
        """The client wants no more. Returns when git has ended, if nobody else wants more of it."""
        await self._answer.left_by(self)


class Answer:
    """Grows while git speaks (it is gitgate.git.process.Client), and ends with it.

    `is_shared`: others may still join, as nothing of it is missing. `spoilt` is called when that is no more so: there
    was no room for it, git has failed, or nobody wants it any longer.
    """

    def __init__(
        self,
        question: Question,
        clock: Clock,
        store: AnswerStore | None = None,
        spoilt: Callable[[], None] = lambda: None,
    ) -> None:
        """Without `store` it is for those who read it from the start, and nothing of it is kept."""
        self.is_shared = store is not None
        self.exit: GitExit | None = None
        self._question = question
        self.clock = clock
        self._patience: Timer | None = None
        self._store = store
        self._has_room = store is not None
        self._spoilt = spoilt
        self._unstored = bytearray()
        self._unstored_from = 0
        self._length = 0
        self._readers: list[Reader] = []
        self._git: RunningGit | None = None
        self._running: Deferred[None] | None = None
        self._failure: Failure | None = None

    @property
    def has_readers(self) -> bool:
        """Somebody is on the way through it."""
        return bool(self._readers)

    @property
    def has_file(self) -> bool:
        """It is a long one, and is kept in a file."""
        return self._store is not None and self._store.has_file

    def runs(self, running: "Deferred[GitExit]") -> None:
        """git runs for it; `running` fires with its end, and can be cancelled."""
        self._running = running.addCallbacks(self._ended, self._failed)

    def reader(self, listener: Listener) -> Reader:
        """A new reader, which begins when it is told to `read`."""
        reader = Reader(self, listener)
        self._readers.append(reader)
        return reader

    async def left_by(self, reader: Reader) -> None:
        """The reader wants no more. If it was the last one of an answer that still grows, git is ended, and this
        returns when that has happened.
        """
        reader.stop()
        if reader in self._readers:
            self._readers.remove(reader)
        if self._readers:
            self._balance()
        elif self.exit is None and self._failure is None and self._running is not None:
            self._spoil()
            self._running.cancel()
            await self._running
        self._close_if_done()

    def discard(self) -> None:
        """It is not kept any longer; who reads it still gets all of it."""
        self.is_shared = False
        self._close_if_done()

    # What the readers call.

    def read(self, position: int) -> bytes:
        """What comes at `position`; nothing where git has not said it yet."""
        if self._store is not None and position < self._store.length:
            return self._store.read(position, READ_SIZE)
        begin = position - self._unstored_from
        return bytes(self._unstored[begin : begin + READ_SIZE])

    def reader_moved(self, reader: Reader) -> None:
        """It has read, or tried to."""
        self._balance()
        if self.exit is not None and reader.position == self._length:
            self._dismiss(reader, self.exit)

    # What git's process calls.

    def git_started(self, git: RunningGit) -> None:
        self._git = git
        self._question.git_started(git)

    def write(self, data: bytes) -> None:
        position = self._length
        self._length += len(data)
        is_kept = self._keep(data)
        for reader in tuple(self._readers):
            if not reader.takes(data, position):
                if not is_kept:
                    self._hold(data, position)
                    is_kept = True
                reader.hear_of_more()
        self._balance()

    def write_error(self, data: bytes) -> None:
        self._spoil()  # it is not stored, and who comes later is to hear it too
        for reader in tuple(self._readers):
            reader.told(data)

    def pauseProducing(self) -> None:
        self._question.pauseProducing()

    def resumeProducing(self) -> None:
        self._question.resumeProducing()

    def _keep(self, data: bytes) -> bool:
        if not self._has_room or self._store is None:
            return False
        try:
            self._store.append(data)
        except NoRoom:
            self._has_room = False
            self._spoil()
            return False
        return True

    def _hold(self, data: bytes, position: int) -> None:
        """For those who are behind, where it is not stored."""
        if not self._unstored:
            self._unstored_from = position
        self._unstored += data

    def _balance(self) -> None:
        """Hold back git while what it said is not stored, and somebody has not got it yet."""
        if not self._unstored:
            return
        done = min((reader.position for reader in self._readers), default=self._length) - self._unstored_from
        if done > 0:
            del self._unstored[:done]
            self._unstored_from += done
        if self._git is None or self.exit is not None:
            return
        if self._unstored:
            self._git.pauseProducing()
            if self._patience is None and len(self._readers) > 1:
                self._patience = self.clock.callLater(_SECONDS_OF_PATIENCE, self._out_of_patience)
        else:
            self._git.resumeProducing()
            self._stop_waiting()

    def _out_of_patience(self) -> None:
        self._patience = None
        if any(reader.position == self._length and not reader.is_paused for reader in self._readers):
            left_behind = GitExit(code=EXIT_FATAL, bytes_in=0, bytes_out=0, abandoned=True)
            for reader in tuple(self._readers):
                if reader.position <= self._unstored_from:
                    reader.told(_LEFT_BEHIND)
                    self._dismiss(reader, left_behind)
        self._balance()

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _ended(self, git: GitExit) -> None:
        self.exit = git
        self._stop_waiting()
        if git.code != 0 or git.abandoned or git.silent:
            self._spoil()
        for reader in tuple(self._readers):
            if reader.position == self._length:
                self._dismiss(reader, git)

    def _failed(self, failure: Failure) -> None:
        self._failure = failure
        self._stop_waiting()
        self._spoil()
        for reader in tuple(self._readers):
            self._dismiss(reader, failure)

    def _dismiss(self, reader: Reader, how: GitExit | Failure) -> None:
        reader.stop()
        if reader in self._readers:
            self._readers.remove(reader)
            self._close_if_done()
            reader.ended.callback(how)

    def _spoil(self) -> None:
        if self.is_shared:
            self.is_shared = False
            self._spoilt()

    def _close_if_done(self) -> None:
        is_over = self.exit is not None or self._failure is not None
        if is_over and not self.is_shared and not self._readers and self._store is not None:
            self._store.close()
            self._store = None
