"""Who comes in, and who is turned away."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gitgate.config import Limits
from gitgate.config.source_limits import MaxStartups
from gitgate.plugin import Transport
from gitgate.transports.connections import Connections, TurnedAway, peer_at, percent_turned_away
from gitgate.transports.penalties import Offence


def address(host: str) -> IAddress:
    kind = IPv6Address if ":" in host else IPv4Address
    return kind("TCP", host, 50000)  # type: ignore[no-any-return]


HERE, THERE = address("192.0.2.1"), address("192.0.2.2")


class House:
    """Connections with some limits. `drawn` is the number that chance gives."""

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.drawn = 0.0
        self.connections = Connections(Limits(**limits), self.clock, chance=lambda: self.drawn)

    def enter(self, place: IAddress = HERE) -> StringTransport:
        connection = StringTransport(peerAddress=place)
        self.connections.add(connection)
        return connection

    def blame(self, place: IAddress, offence: Offence, times: int = 1) -> None:
        for _ in range(times):
            self.connections.blame(peer_at(Transport.SSH, place), offence)


@pytest.mark.parametrize(
    ("startups", "percent"), [(0, 0), (99, 0), (100, 30), (101, 30.7), (150, 65), (199, 99.3), (200, 100), (999, 100)]
)
def test_startups_are_turned_away_as_sshd_does_it(startups: int, percent: float) -> None:
    assert percent_turned_away(startups, MaxStartups("100:30:200")) == pytest.approx(percent)


def test_a_bound_without_a_slope() -> None:
    assert [percent_turned_away(n, MaxStartups("5:30:5")) for n in (4, 5)] == [0, 100]


def test_connections_that_do_nothing_leave_others_a_chance() -> None:
    """1. A thousand connections are opened that send nothing. 2. They take all the places that there are, and nobody
    else gets in until their deadline is over, when they are opened again."""
    house = House(max_startups=MaxStartups("10:30:20"))
    for _ in range(15):
        house.enter()
    decisions = []
    for drawn in (0.64, 0.66):
        house.drawn = drawn
        decisions.append(house.connections.admit(THERE))
    assert decisions == [TurnedAway.FULL, None]


def test_who_has_logged_in_is_no_startup() -> None:
    house = House(max_startups=MaxStartups("2:100:2"))
    inside = [house.enter() for _ in range(2)]
    assert house.connections.admit(THERE) is TurnedAway.FULL
    for connection in (inside[0], inside[0]):  # each request says so again
        house.connections.let_in(connection)
    assert house.connections.admit(THERE) is None
    house.connections.discard(inside[0])
    assert house.connections.admit(THERE) is None
    house.enter()
    assert house.connections.admit(THERE) is TurnedAway.FULL


def test_a_source_has_its_number_of_connections_and_others_have_theirs() -> None:
    """1. One machine opens a thousand connections, each as good as any. 2. `max_connections` is reached, and nobody
    else is served."""
    house = House(per_source_max_connections=2)
    first, _ = house.enter(), house.enter()
    house.connections.let_in(first)
    assert (house.connections.admit(HERE), house.connections.admit(THERE)) == (TurnedAway.SOURCE, None)
    house.connections.discard(first)
    assert house.connections.admit(HERE) is None


def test_all_addresses_of_one_network_of_ipv6_are_one_source() -> None:
    house = House(per_source_max_connections=2)
    for number in range(2):
        house.enter(address(f"2001:db8::{number}"))
    answers = [house.connections.admit(address(host)) for host in ("2001:db8::ffff", "2001:db8:0:1::1")]
    assert answers == [TurnedAway.SOURCE, None]


def test_who_guesses_passwords_is_turned_away_and_nobody_else() -> None:
    """A limit for each user would let anybody shut out anybody: see that the blame falls on the address alone."""
    house = House()
    house.blame(HERE, Offence.LOGIN_REFUSED, times=3)
    assert (house.connections.admit(HERE), house.connections.admit(THERE)) == (TurnedAway.SOURCE, None)
    house.clock.advance(15)
    assert house.connections.admit(HERE) is None


def test_an_ipv4_client_of_an_ipv6_socket_is_the_same_source() -> None:
    """Without this, a door on "::" gives everybody who is turned away a second try."""
    house = House()
    house.blame(address("::ffff:192.0.2.1"), Offence.LOGIN_REFUSED, times=3)
    assert house.connections.admit(HERE) is TurnedAway.SOURCE


def test_connections_that_are_opened_and_closed_again_and_again_cost_their_source() -> None:
    """1. A scanner opens and closes connections as fast as it can. 2. Each costs a key exchange or a handshake."""
    house = House()
    for _ in range(15):
        house.connections.discard(house.enter())
    assert house.connections.admit(HERE) is TurnedAway.SOURCE


def test_who_was_let_in_may_go_as_often_as_it_likes() -> None:
    house = House()
    for _ in range(100):
        connection = house.enter()
        house.connections.let_in(connection)
        house.connections.discard(connection)
    assert house.connections.admit(HERE) is None


@pytest.mark.parametrize("place", [address("127.0.0.1"), address("::1"), UNIXAddress("/run/x"), None])
def test_for_whom_is_exempt_only_the_total_counts(place: IAddress) -> None:
    """A proxy on the same machine: everybody's connections, and everybody's wrong passwords, come from one address."""
    house = House(per_source_max_connections=1, max_startups=MaxStartups("1:100:1"), max_connections=10)
    for _ in range(9):
        house.blame(place, Offence.LOGIN_REFUSED)
        house.enter(place)
    assert house.connections.admit(place) is None
    gone = house.enter(place)
    assert house.connections.admit(place) is TurnedAway.FULL
    house.connections.discard(gone)
    assert house.connections.admit(place) is None


def test_those_that_are_exempt_are_no_startups_that_shut_out_others() -> None:
    house = House(max_startups=MaxStartups("2:100:2"))
    for _ in range(5):
        house.enter(address("127.0.0.1"))
    assert house.connections.admit(HERE) is None


def test_a_connection_that_ends_twice_is_counted_once() -> None:
    house = House(per_source_max_connections=1)
    connection = house.enter()
    for _ in range(2):
        house.connections.discard(connection)
    assert house.connections.admit(HERE) is None
    house.enter()
    assert house.connections.admit(HERE) is TurnedAway.SOURCE


def test_a_flood_is_told_once_in_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """1. A source is turned away ten thousand times in a second. 2. So many lines fill the disk of the log."""
    house = House(per_source_max_connections=1)
    house.enter()
    for _ in range(1000):
        house.connections.admit(HERE)
    house.clock.advance(60)
    house.connections.admit(HERE)
    line = "turned away: a connection from 192.0.2.1/32, for limits.per_source_max_connections; 1 are open, "
    assert [record.getMessage() for record in caplog.records] == [
        f"{line}1 of them without a login",
        f"{line}1 of them without a login; 999 more were turned away since this was last said",
    ]


def test_all_are_aborted_in_the_end() -> None:
    house = House()
    connections = [house.enter(), house.enter(address("127.0.0.1"))]
    house.connections.let_in(connections[0])
    house.connections.abort()
    assert [connection.disconnected for connection in connections] == [True, True]
