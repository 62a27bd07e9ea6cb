import pytest

from gitgate.refusals import Overloaded
from gitgate.room import Room


def test_all_together_have_so_much_and_what_is_short_does_not_count() -> None:
    room = Room("a list", 100, short=10)
    room.take("a", 60)
    for _ in range(50):
        room.take(object(), 10)

    with pytest.raises(Overloaded, match="no room for a list of 41 bytes"):
        room.take("b", 41)
    room.take("b", 40)


def test_who_grows_is_counted_once() -> None:
    room = Room("a list", 100, short=10)
    for size in (50, 90, 100):
        room.take("a", size)

    with pytest.raises(Overloaded):
        room.take("a", 101)


def test_what_is_given_back_can_be_taken_by_others() -> None:
    room = Room("a list", 100, short=10)
    room.take("a", 100)
    room.give_back("a")
    room.give_back("a")

    room.take("b", 100)
