from twisted.internet.task import Clock

from gitgate.transports.ssh.allowance import Allowance
from gitgate.wire.malformed import Malformed


def spent(allowance: Allowance) -> int:
    """How often it may be done now."""
    for times in range(1000):
        try:
            allowance.spend()
        except Malformed:
            return times
    raise AssertionError("it is never too often")


def test_so_many_at_once_and_some_more_each_second_but_never_more_at_once() -> None:
    clock = Clock()
    allowance = Allowance(clock, "too often", at_once=10, each_second=0.5)

    times = [spent(allowance)]
    for seconds in (1, 1, 4, 3600):
        clock.advance(seconds)
        times.append(spent(allowance))

    assert times == [10, 0, 1, 2, 10]
