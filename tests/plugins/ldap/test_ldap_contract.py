"""ldap is what gitgate.testing asks of every plugin that knows passwords."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from gitgate_ldap import LdapPlugin
from slapd import PEOPLE, Slapd

from gitgate.plugin import Password, Rejected
from gitgate.testing import AuthenticatorContract, Probe

UNKNOWN = Password(username="nobody-of-that-name", password="x")


class TestSearchAndBind(AuthenticatorContract):
    known = Password(username="alice", password="Alice-password")
    name = "Alice"

    @pytest.fixture
    def plugin(self, ldap: Callable[..., LdapPlugin]) -> LdapPlugin:
        return ldap()

    @pytest.mark.parametrize("password", ["x", None], ids=["some", "somebody else's"])
    def test_somebody_unknown_is_left_to_other_plugins(self, probe: Probe, password: str | None) -> None:
        """But for the empty password of the contract: nothing is asked about it, so nobody knows who is unknown."""
        assert probe.authenticate(replace(UNKNOWN, password=password or self.known.password)) is None


class TestDirectBind(AuthenticatorContract):
    known = Password(username="alice", password="Alice-password")
    name = "Alice"

    @pytest.fixture
    def plugin(self, ldap: Callable[..., LdapPlugin], slapd: Slapd) -> LdapPlugin:
        return ldap(user_base=None, user_dn=f"uid={{username}},{PEOPLE}", bind_dn=None, bind_password=None)

    @pytest.mark.parametrize("password", ["x", None], ids=["some", "somebody else's"])
    def test_somebody_unknown_is_left_to_other_plugins(self, probe: Probe, password: str | None) -> None:
        """It cannot be: to a bind, a server gives the same answer for an unknown name as for a wrong password."""
        answer = probe.authenticate(replace(UNKNOWN, password=password or self.known.password))
        assert answer == Rejected("wrong password")
