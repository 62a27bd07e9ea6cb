"""Which answers are kept, and which ones are forgotten for others."""

from pathlib import Path

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from gitgate.git import answer_cache
from gitgate.git.answer_cache import AnswerCache, Capabilities, Place
from gitgate.git.process import GitExit
from gitgate.git.question import WholeQuestion
from gitgate.git.repository_state import RepositoryState

ENDED = GitExit(code=0, bytes_in=0, bytes_out=0)
STATE = RepositoryState(b"", is_settled=True)


def keep(cache: AnswerCache, place: Place, length: int) -> Place:
    """An answer of so many bytes is kept there."""
    answer = cache.new(place, WholeQuestion(b""), Clock())
    answer.write(b"x" * length)
    answer.runs(succeed(ENDED))
    return place


def keep_capabilities(cache: AnswerCache, *names: str) -> None:
    for name in names:
        cache.keep_capabilities((Path(name), b""), Capabilities(name.encode(), STATE, 0.0))


def known(cache: AnswerCache, names: str) -> str:
    """Those of `names` whose capabilities are known; they count as used."""
    return "".join(name for name in names if cache.capabilities((Path(name), b"")) is not None)


def test_the_answer_that_was_not_asked_for_the_longest_makes_room(tmp_path: Path) -> None:
    """Many clone one repository all the time: its answer is not to go because it was the first one."""
    cache = AnswerCache(250_000, tmp_path)
    popular, other = (keep(cache, Place(tmp_path, STATE, name), 100_000) for name in (b"popular", b"other"))
    cache.find(popular)
    new = keep(cache, Place(tmp_path, STATE, b"new"), 100_000)
    assert [cache.find(place) is not None for place in (popular, other, new)] == [True, False, True]


def test_all_answers_of_a_repository_that_has_changed_make_room_at_once(tmp_path: Path) -> None:
    """Nobody can ask for them any more, and they would stay until others need their room."""
    cache = AnswerCache(10**6, tmp_path)
    for name in (b"one", b"two", b"three"):
        keep(cache, Place(tmp_path, STATE, name), 100_000)
    other = keep(cache, Place(tmp_path / "other", STATE, b"one"), 100)
    assert cache.find(Place(tmp_path, RepositoryState(b"changed", is_settled=True), b"two")) is None
    assert (cache._budget.used, cache.find(other) is not None) == (100, True)


def test_capabilities_are_known_of_so_many_repositories_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may create repositories, or has a hundred thousand, would fill the memory. Those that are asked for stay."""
    monkeypatch.setattr(answer_cache, "_MOST_CAPABILITIES", 3)
    cache = AnswerCache(10**6)
    keep_capabilities(cache, "a", "b", "c")
    assert known(cache, "a") == "a"
    keep_capabilities(cache, "d", "e")
    assert known(cache, "abcde") == "ade"


def test_who_asks_for_many_short_answers_ends_no_long_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask for the refs that begin with this or that, hundreds of times a second, and each answer is new."""
    monkeypatch.setattr(answer_cache, "_MOST_ANSWERS", 4)
    cache = AnswerCache(10**6, tmp_path)

    def kept(name: str, length: int) -> Place:
        return keep(cache, Place(tmp_path, STATE, name.encode()), length)

    long = [kept(f"long {number}", 100_000) for number in range(2)]
    short = [kept(f"short {number}", 100) for number in range(10)]
    found = [cache.find(place) is not None for place in (*long, *short)]
    assert found == [True, True, *[False] * 8, True, True]
    longer = [kept(f"longer {number}", 100_000) for number in range(4)]
    assert [cache.find(place) is not None for place in (*long, *longer)] == [False, False, True, True, True, True]
    cache.clear()
    assert cache._budget.used == 0
