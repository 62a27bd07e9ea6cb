"""Answers of git that are kept for whoever asks the same: one git packs for all of them.

What may be read was decided before anybody comes here. Once a repository is seen in another state, nothing that was
said of the former one can be found any more, and what nobody reads of it is gone at once.
"""

import hashlib
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitgate.git.answer import Answer
from gitgate.git.answer_store import AnswerStore, Budget
from gitgate.git.question import Question
from gitgate.git.repository_state import RepositoryState
from gitgate.reactor import Clock

#: Each long answer has an open file.
_MOST_ANSWERS: Final = 256

#: The capabilities of so many repositories are known.
_MOST_CAPABILITIES: Final = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is kept: the repository's folder, its state, and the essence of what was asked."""

    directory: Path
    state: RepositoryState
    essence: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and the state of the repository in which it was asked for."""

    answer: Answer
    state: RepositoryState


@dataclass(slots=True)
class Capabilities:
    """What git said of itself while the configuration was in a state, and when that was last looked at, in seconds."""

    said: bytes
    state: RepositoryState
    looked_at: float


class AnswerCache:
    """The answers that are kept: at most `most_bytes`, those first forgotten that were not asked for the longest."""

    def __init__(self, most_bytes: int, folder: Path | None = None) -> None:
        """Files without a name are made in `folder`; None: where the system has temporary ones."""
        self.most_bytes = most_bytes
        self._folder = Path(tempfile.gettempdir()) if folder is None else folder
        self._budget = Budget(most_bytes, self._forget_oldest)
        self._answers: OrderedDict[tuple[Path, bytes], _Kept] = OrderedDict()
        self._capabilities: OrderedDict[tuple[Path, bytes], Capabilities] = OrderedDict()

    def find(self, place: Place) -> Answer | None:
        """What is kept there, or is just being said; it counts as used."""
        key = _key(place)
        kept = self._answers.get(key)
        if kept is None:
            return None
        if kept.state != place.state:
            self.forget(place.directory)
            return None
        self._answers.move_to_end(key)
        return kept.answer

    def new(self, place: Place, question: Question, clock: Clock) -> Answer:
        """An answer that is kept there once git gives it."""
        key = _key(place)
        # Short ones are made quickly, and who asks for many of them takes no place of a long one.
        while len(self._answers) >= _MOST_ANSWERS and (self._forget_oldest(short=True) or self._forget_oldest()):
            pass
        answer = Answer(question, clock, AnswerStore(self._budget, self._folder), lambda: self._forget(key))
        self._answers[key] = _Kept(answer, place.state)
        return answer

    def forget(self, directory: Path) -> None:
        """Nothing that was said of this repository is to be found any more."""
        for key in [key for key in self._answers if key[0] == directory]:
            self._forget(key)

    def clear(self) -> None:
        """Forget everything."""
        for key in tuple(self._answers):
            self._forget(key)

    def capabilities(self, whose: tuple[Path, bytes]) -> Capabilities | None:
        """What was kept with `keep_capabilities` for a repository's folder, and what it adds to git's environment."""
        found = self._capabilities.get(whose)
        if found is not None:
            self._capabilities.move_to_end(whose)
        return found

    def keep_capabilities(self, whose: tuple[Path, bytes], capabilities: Capabilities) -> None:
        """Keep them, in the place of others that were not asked for the longest."""
        self._capabilities[whose] = capabilities
        if len(self._capabilities) > _MOST_CAPABILITIES:
            self._capabilities.popitem(last=False)

    def _forget_oldest(self, *, short: bool = False) -> bool:
        for key, kept in self._answers.items():
            is_over = kept.answer.exit is not None and not kept.answer.has_readers
            if is_over and not (short and kept.answer.has_file):
                self._forget(key)
                return True
        return False

    def _forget(self, key: tuple[Path, bytes]) -> None:
        kept = self._answers.pop(key, None)
        if kept is not None:
            kept.answer.discard()


def _key(place: Place) -> tuple[Path, bytes]:
    return place.directory, hashlib.sha256(place.essence).digest()
