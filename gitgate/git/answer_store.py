"""The bytes of kept answers, and how many of them there may be."""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

#: Most answers are short, and need no file.
_IN_MEMORY: Final = 64 * 1024


#: The system takes 10 ms to give back the room of a hundred megabytes, and 50 where the disk is busy. So a file of more
#: is closed in a thread: whoever asks first after a push would wait for it.
_LONG_TO_CLOSE: Final = 16 * 1024 * 1024
_closing: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gitgate-forgotten-answers")


class NoRoom(Exception):
    """The bytes cannot be kept."""


class Budget:
    """How many bytes may be kept in all. `make_room` gives some back where it can, and says whether it could."""

    def __init__(self, most: int, make_room: Callable[[], bool]) -> None:
        self.used = 0
        self._most = most
        self._make_room = make_room

    def take(self, count: int) -> None:
        """Use `count` bytes more. Raises `NoRoom`."""
        while self.used + count > self._most:
            if not self._make_room():
                raise NoRoom
        self.used += count

    def give(self, count: int) -> None:
        """They are used no more."""
        self.used -= count


class AnswerStore:
    """The bytes of one answer, in the order in which they came; a long one's in a file that has no name.

    Nobody else can open such a file, and it goes with the process that made it, however that ends.
    """

    def __init__(self, budget: Budget, folder: Path) -> None:
        self.length = 0
        self._budget = budget
        self._folder = folder
        self._memory = bytearray()
        self._file: int | None = None

    @property
    def has_file(self) -> bool:
        """It is a long one."""
        return self._file is not None

    def append(self, data: bytes) -> None:
        """Keep `data`. Raises `NoRoom`, also where the disk is full, and then everything is as before."""
        self._budget.take(len(data))
        try:
            if self._file is None and self.length + len(data) <= _IN_MEMORY:
                self._memory += data
            else:
                self._write(data)
        except OSError as error:
            self._budget.give(len(data))
            raise NoRoom from error
        self.length += len(data)

    def read(self, position: int, most: int) -> bytes:
        """At most `most` bytes from `position`; fewer at the end."""
        most = min(most, self.length - position)
        if self._file is None:
            return bytes(self._memory[position : position + most])
        return os.pread(self._file, most, position)

    def close(self) -> None:
        """Forget it all."""
        if self._file is not None and self.length > _LONG_TO_CLOSE:
            _closing.submit(os.close, self._file)
        elif self._file is not None:
            os.close(self._file)
        self._file = None
        self._budget.give(self.length)
        self.length = 0
        self._memory.clear()

    def _write(self, data: bytes) -> None:
        if self._file is None:
            made = _nameless(self._folder)
            try:
                _write_all(made, bytes(self._memory), 0)
            except OSError:
                os.close(made)
                raise
            self._file = made
            self._memory.clear()
        _write_all(self._file, data, self.length)


def _nameless(folder: Path) -> int:
    # TemporaryFile closes what it returns when nobody holds it, so a descriptor of our own.
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        return os.dup(file.fileno())


def _write_all(file: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, position)
        view = view[written:]
        position += written
