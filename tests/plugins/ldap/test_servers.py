"""Which server is asked, on a clock that tests move, with connections that are made up."""

import threading
from typing import Any, cast

import pytest
from gitgate_ldap.errors import NoServer, ServerFailed
from gitgate_ldap.ldap3_connection import LdapConnection
from gitgate_ldap.pool import Pool
from gitgate_ldap.servers import Servers
from gitgate_ldap.uris import Endpoint

ONE, TWO = Endpoint.parse("ldaps://one"), Endpoint.parse("ldaps://two")


class FakeConnection:
    """Remembers whether it was closed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Network:
    """Servers of which some are down. `asked` is which were connected to, in order."""

    def __init__(self) -> None:
        self.down: set[Endpoint] = set()
        self.asked: list[Endpoint] = []

    def connect(self, endpoint: Endpoint) -> LdapConnection:
        self.asked.append(endpoint)
        if endpoint in self.down:
            raise ServerFailed(str(endpoint), "no answer within 3 s", timed_out=True)
        return cast(Any, FakeConnection(endpoint))


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def servers(clock):
    return Servers([ONE, TWO], clock, forget=lambda endpoint: None)


def test_the_first_that_works_is_asked(servers, network):
    assert servers.open(network.connect).endpoint == ONE
    network.down = {ONE}
    assert servers.open(network.connect).endpoint == TWO
    assert network.asked == [ONE, ONE, TWO]


def test_a_server_that_is_down_is_left_alone_for_longer_each_time_at_most_half_a_minute(servers, network, clock):
    network.down = {ONE}
    tried_at = []
    began = clock()
    for _ in range(150):
        before = len(network.asked)
        assert servers.open(network.connect).endpoint == TWO
        if ONE in network.asked[before:]:
            tried_at.append(clock() - began)
        clock.advance(1)
    assert tried_at == [0, 1, 3, 7, 15, 31, 61, 91, 121]


def test_a_server_that_is_back_is_asked_again_and_its_next_failure_is_its_first(servers, network, clock):
    network.down = {ONE}
    for _ in range(5):
        servers.open(network.connect)
        clock.advance(30)
    network.down = set()
    assert servers.open(network.connect).endpoint == ONE
    network.down = {ONE}
    servers.open(network.connect)
    clock.advance(1)
    network.asked.clear()
    servers.open(network.connect)
    assert network.asked == [ONE, TWO]


def test_when_all_are_down_it_is_said_of_each_and_nobody_waits(servers, network, clock):
    network.down = {ONE, TWO}
    with pytest.raises(NoServer):
        servers.open(network.connect)
    clock.advance(0.9)
    with pytest.raises(NoServer) as raised:
        servers.open(network.connect)
    assert str(raised.value) == (
        "no server can be asked: ldaps://one: no answer within 3 s (1 s ago);"
        " ldaps://two: no answer within 3 s (1 s ago)"
    )
    assert network.asked == [ONE, TWO]


def test_it_is_logged_once_that_a_server_is_down_and_once_that_it_is_back(servers, network, clock, caplog):
    network.down = {ONE}
    for _ in range(10):
        servers.open(network.connect)
        clock.advance(30)
    network.down = set()
    for _ in range(10):
        servers.open(network.connect)
    assert caplog.messages == [
        "ldaps://one: no answer within 3 s; it is tried again from now on, every 30 s at least",
        "ldaps://one answers again",
    ]


class SlowNetwork(Network):
    """Nobody gets an answer before `go_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def connect(self, endpoint: Endpoint) -> LdapConnection:
        self.asked.append(endpoint)
        assert self.go_on.wait(30)
        if endpoint in self.down:
            raise ServerFailed(str(endpoint), "no answer within 3 s", timed_out=True)
        return cast(Any, FakeConnection(endpoint))


def _at_once(threads: int, call: Any) -> list[threading.Thread]:
    started = [threading.Thread(target=call) for _ in range(threads)]
    for thread in started:
        thread.start()
    return started


def test_a_server_that_swallows_packets_is_waited_for_by_eight_threads_together(servers, wait_until_in):
    """1. A firewall drops everything. 2. Eight logins ask at once, and as many as there are threads wait; and the next
    eight wait as long again.
    """
    network = SlowNetwork()
    network.down = {ONE}
    opened: list[Endpoint] = []
    threads = _at_once(8, lambda: opened.append(servers.open(network.connect).endpoint))
    wait_until_in("wait", *threads)
    network.go_on.set()
    for thread in threads:
        thread.join(30)
    assert network.asked.count(ONE) == 1
    assert opened == [TWO] * 8


def test_while_one_thread_tries_a_server_that_was_down_the_others_pass_it_by(servers, clock, wait_until_in):
    quick, slow = Network(), SlowNetwork()
    quick.down = {ONE}
    servers.open(quick.connect)
    clock.advance(1)
    [trying] = _at_once(1, lambda: servers.open(slow.connect))
    wait_until_in("connect", trying)
    assert servers.open(quick.connect).endpoint == TWO
    slow.go_on.set()
    trying.join(30)
    assert quick.asked == [ONE, TWO, TWO]


def test_a_bug_in_connecting_does_not_leave_a_server_in_trial_for_ever(servers, network):
    def fail(endpoint: Endpoint) -> LdapConnection:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        servers.open(fail)
    assert servers.open(network.connect).endpoint == ONE


def test_connections_wait_in_a_pool_that_is_bounded_and_for_no_longer_than_they_may(clock):
    pool = Pool(size=2, idle_seconds=60, clock=clock)
    made: Any = [FakeConnection(ONE), FakeConnection(ONE), FakeConnection(TWO)]
    for each in made:
        pool.give(each)
    assert [each.closed for each in made] == [False, False, True]
    clock.advance(30)
    assert pool.take() is made[1]
    pool.give(made[1])
    clock.advance(30)
    assert pool.take() is made[1]
    assert pool.take() is None
    assert [each.closed for each in made] == [True, False, True]


def test_connections_to_a_server_that_has_failed_do_not_wait(clock):
    pool = Pool(size=3, idle_seconds=60, clock=clock)
    made: Any = [FakeConnection(ONE), FakeConnection(TWO), FakeConnection(ONE)]
    for each in made:
        pool.give(each)
    pool.drop(ONE)
    assert pool.take() is made[1]
    assert pool.take() is None
    assert [each.closed for each in made] == [True, False, True]


def test_a_closed_pool_keeps_nothing(clock):
    pool = Pool(size=3, idle_seconds=60, clock=clock)
    made: Any = [FakeConnection(ONE), FakeConnection(TWO)]
    pool.give(made[0])
    pool.close()
    pool.give(made[1])
    assert pool.take() is None
    assert [each.closed for each in made] == [True, True]
