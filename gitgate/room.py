"""Room in memory for what is long, and rare: shared by all clients, so that many of them cannot fill it many times."""

from gitgate.refusals import Overloaded


class Room:
    """So many bytes for everybody together. What is short needs none of it."""

    def __init__(self, what: str, most: int, *, short: int) -> None:
        """`what` is kept there, for people. Who has no more than `short` bytes is not counted."""
        self._what = what
        self._most = most
        self._short = short
        self._taken: dict[object, int] = {}

    def take(self, holder: object, size: int) -> None:
        """`holder` has `size` bytes in all, until it gives them back. Raises `Overloaded` where they have no room."""
        if size <= self._short:
            return
        if sum(self._taken.values()) - self._taken.get(holder, 0) + size > self._most:
            raise Overloaded(f"no room for {self._what} of {size} bytes: others have taken it")
        self._taken[holder] = size

    def give_back(self, holder: object) -> None:
        """It has nothing any more."""
        self._taken.pop(holder, None)
