"""For what comes about by itself, perhaps a moment after a test has looked for the first time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_SECONDS_BETWEEN_LOOKS = 0.02


def wait_until(condition: Callable[[], T], what: str = "it does not become so", seconds: float = 40) -> T:
    """What `condition` answers, as soon as that counts as true.

    Where it does not within `seconds`, raises AssertionError with `what`, which says how it is instead. They are many,
    for a busy machine is not what a test is about.
    """
    give_up = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < give_up, f"{what}, after {seconds:g} s"
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return answer
