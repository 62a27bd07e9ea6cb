"""Answers are used again for as long as the operator says, and a password is tried no more often than it is typed."""

import threading

import pytest
from gitgate_ldap.caches import AnswerCache, CredentialKeys
from gitgate_ldap.errors import DirectoryError
from slapd import PEOPLE

from gitgate.plugin import Identity, Rejected
from gitgate.testing import a_peer, an_identity

BOB = f"uid=bob,{PEOPLE}"


@pytest.fixture
def directory(another_slapd):
    return another_slapd()


def test_a_login_is_good_for_its_ttl_and_no_longer(ldap, log_in, directory, clock):
    """git over http logs in with each of the two to four requests of a clone."""
    plugin = ldap(uris=[directory.ldap])
    for _ in range(4):
        assert isinstance(log_in(plugin, "bob"), Identity)
    assert directory.binds(BOB) == [0]
    directory.change(f"dn: {BOB}\nreplace: userPassword\nuserPassword: changed\n")
    clock.advance(59)
    assert isinstance(log_in(plugin, "bob"), Identity)
    clock.advance(1)
    assert log_in(plugin, "bob") == Rejected("wrong password")
    assert directory.binds(BOB) == [0, 49]


def test_a_client_that_repeats_a_wrong_password_does_not_lock_the_account(ldap, log_in, directory, clock):
    """1. The password in a client's store is old. 2. The client tries it again at once, several times. 3. The directory
    counts each bind, and locks the account after three.
    """
    plugin = ldap(uris=[directory.ldap])
    for _ in range(10):
        assert log_in(plugin, "bob", "old") == Rejected("wrong password")
    assert directory.binds(BOB) == [49]
    assert log_in(plugin, "bob", "older") == Rejected("wrong password")
    clock.advance(5)
    assert log_in(plugin, "bob", "old") == Rejected("wrong password")
    assert directory.binds(BOB) == [49, 49, 49]


def test_a_wrong_password_does_not_keep_the_right_one_out(ldap, log_in, directory):
    plugin = ldap(uris=[directory.ldap])
    answers = [log_in(plugin, "bob", password) for password in ("wrong", None, "wrong", None)]
    assert [type(answer) for answer in answers] == [Rejected, Identity, Rejected, Identity]
    assert directory.binds(BOB) == [49, 0]


@pytest.mark.parametrize("password", ["bob-password", "wrong"])
def test_the_same_login_from_many_clients_at_once_is_one_bind(password, ldap, log_in, directory):
    plugin = ldap(uris=[directory.ldap])
    together = threading.Barrier(8)

    def attempt() -> None:
        together.wait()
        log_in(plugin, "bob", password)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(directory.binds(BOB)) == 1


def test_with_a_ttl_of_0s_every_login_is_a_bind(ldap, log_in, directory):
    plugin = ldap(uris=[directory.ldap], cache={"ttl": "0s", "negative_ttl": "0s"})
    for password in ("bob-password", "bob-password", "wrong", "wrong"):
        log_in(plugin, "bob", password)
    assert directory.binds(BOB) == [0, 0, 49, 49]


def test_somebody_who_is_locked_is_out_after_the_ttl_also_with_a_key(ldap, directory, clock):
    plugin = ldap(uris=[directory.ldap], user_filter="(&(uid={username})(!(employeeType=left)))")
    bob = an_identity("bob")
    assert isinstance(plugin.enrich_identity(bob, a_peer()), Identity)
    directory.change(f"dn: {BOB}\nadd: employeeType\nemployeeType: left\n")
    clock.advance(60)
    assert plugin.enrich_identity(bob, a_peer()) == Rejected(f"user_filter leaves {BOB} out")
    directory.change(f"dn: {BOB}\ndelete: employeeType\n")
    clock.advance(5)
    assert isinstance(plugin.enrich_identity(bob, a_peer()), Identity)


def test_an_outage_is_not_kept(ldap, log_in, directory, clock):
    plugin = ldap(uris=[directory.ldap])
    directory.kill()
    with pytest.raises(DirectoryError):
        log_in(plugin, "bob")
    directory.start()
    clock.advance(1)
    assert isinstance(log_in(plugin, "bob"), Identity)


def test_what_is_kept_has_a_bound(clock):
    cache: AnswerCache[int, int] = AnswerCache(ttl=lambda _: 60, most=3, clock=clock)
    asked = []

    def ask(number: int) -> int:
        asked.append(number)
        return number

    for number in (1, 2, 3, 4, 4, 3, 2, 1):
        assert cache.get(number, lambda number=number: ask(number))[0] == number
    assert asked == [1, 2, 3, 4, 1]


def test_an_answer_that_raises_is_told_to_all_who_wait_and_asked_again_later(clock, wait_until_in):
    cache: AnswerCache[str, int] = AnswerCache(ttl=lambda _: 60, most=3, clock=clock)
    began, go_on, told = threading.Event(), threading.Event(), []

    def fail() -> int:
        began.set()
        go_on.wait(30)
        raise DirectoryError("down")

    def wait_for_it() -> None:
        try:
            cache.get("x", fail)
        except DirectoryError as error:
            told.append(str(error))

    first = threading.Thread(target=wait_for_it)
    first.start()
    began.wait(30)
    second = threading.Thread(target=wait_for_it)
    second.start()
    wait_until_in("result", second)
    go_on.set()
    first.join()
    second.join()
    assert told == ["down", "down"]
    assert cache.get("x", lambda: 7) == (7, False)


def test_a_key_of_the_cache_says_nothing_of_the_password():
    """1. Memory of the server gets out: a core dump. 2. A list of common passwords is tried against what is in it."""
    one, other = CredentialKeys(), CredentialKeys()
    assert one.key("bob", "secret") == one.key("bob", "secret")
    assert one.key("bob", "secret") != other.key("bob", "secret")
    assert len({one.key("bob", "secret"), one.key("bobs", "ecret"), one.key("", "bobsecret")}) == 3
