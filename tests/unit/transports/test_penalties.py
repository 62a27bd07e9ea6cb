"""What sources pay for bad behaviour."""

from typing import Any

import pytest
from twisted.internet.task import Clock

from gitgate.config.source_limits import SourcePenalties
from gitgate.plugin import Duration
from gitgate.transports import penalties
from gitgate.transports.penalties import Offence, Penalties

SOURCE = "192.0.2.7/32"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def penalties_of(clock: Clock) -> Any:
    return lambda **settings: Penalties(
        SourcePenalties(**{name: Duration.parse(value) for name, value in settings.items()}), clock
    )


def test_the_third_wrong_password_is_one_too_many(penalties_of: Any) -> None:
    table = penalties_of()
    held = []
    for _ in range(3):
        table.add(SOURCE, Offence.LOGIN_REFUSED)
        held.append(table.holds(SOURCE))
    assert held == [False, False, True]


def test_a_person_who_mistypes_now_and_then_is_never_turned_away(penalties_of: Any, clock: Clock) -> None:
    table = penalties_of()
    for _ in range(100):
        table.add(SOURCE, Offence.LOGIN_REFUSED)
        clock.advance(5)
    assert not table.holds(SOURCE)


def test_a_penalty_is_over_when_all_of_it_is_over(penalties_of: Any, clock: Clock) -> None:
    table = penalties_of()
    for _ in range(4):
        table.add(SOURCE, Offence.LOGIN_REFUSED)
    clock.advance(19)
    assert table.holds(SOURCE)
    clock.advance(1)
    assert not table.holds(SOURCE)


def test_there_is_never_more_to_wait_than_the_maximum(penalties_of: Any, clock: Clock) -> None:
    table = penalties_of(max="20s")
    for _ in range(1000):
        table.add(SOURCE, Offence.NO_LOGIN_IN_TIME)
    clock.advance(20)
    assert not table.holds(SOURCE)


@pytest.mark.parametrize("offence", list(Offence))
def test_each_offence_has_a_price_of_its_own(penalties_of: Any, offence: Offence) -> None:
    others = {other.value: "0s" for other in Offence if other is not offence}
    table = penalties_of(**others, **{offence.value: "1m"})
    for other in Offence:
        if other is not offence:
            table.add(SOURCE, other)
    assert not table.holds(SOURCE)
    table.add(SOURCE, offence)
    assert table.holds(SOURCE)


def test_a_table_that_is_filled_by_an_attacker_forgets_the_attacker_first(
    penalties_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1. An attacker offends from more addresses than the table holds. 2. The table grows until memory is gone; or, as
    it is full, nobody who offends afterwards is remembered."""
    monkeypatch.setattr(penalties, "MOST_SOURCES", 10)
    table = penalties_of(min="5s")
    sources = [f"198.51.100.{number}/32" for number in range(30)]
    for source in sources:
        table.add(source, Offence.LOGIN_REFUSED)
    assert [table.holds(source) for source in sources] == [False] * 20 + [True] * 10


def test_addresses_of_ipv6_push_out_no_address_of_ipv4(penalties_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """1. Somebody guesses passwords from an address of IPv4, and is turned away. 2. From a /48, of which everybody can
    have one, come offences of 65,536 sources. 3. The table has no place left for the first one, who may go on."""
    monkeypatch.setattr(penalties, "MOST_SOURCES", 10)
    table = penalties_of(min="5s")
    table.add(SOURCE, Offence.LOGIN_REFUSED)
    for number in range(100):
        table.add(f"2001:db8:0:{number:x}::/64", Offence.LOGIN_REFUSED)
    assert table.holds(SOURCE)


def test_who_goes_on_offending_is_not_the_first_to_be_forgotten(
    penalties_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(penalties, "MOST_SOURCES", 10)
    table = penalties_of(min="5s")
    for number in range(30):
        table.add(SOURCE, Offence.LOGIN_REFUSED)
        table.add(f"198.51.100.{number}/32", Offence.LOGIN_REFUSED)
    assert table.holds(SOURCE)


def test_the_log_says_it_once(penalties_of: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    table = penalties_of()
    for _ in range(10):
        table.add(SOURCE, Offence.LOGIN_REFUSED)
    assert [record.getMessage() for record in caplog.records] == [
        "192.0.2.7/32: turned away for 15 s or more (authfail)"
    ]
