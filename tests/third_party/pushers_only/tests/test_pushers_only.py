import pytest
from pushers_only import PushersOnly, Settings

from gitgate.plugin import ANONYMOUS, Allow, Deny
from gitgate.testing import AuthorizerContract, Probe, a_fetch, a_push, an_identity

REFUSED = Deny("not in maintainers", message="Pushing is for maintainers.")


def probe() -> Probe:
    return Probe(PushersOnly(Settings(group="maintainers")))


def test_a_member_may_push() -> None:
    assert probe().authorize(an_identity("alice", "maintainers"), a_push()) == Allow("member of maintainers")


def test_nobody_else_may_push() -> None:
    assert probe().authorize(an_identity("bob"), a_push()) == REFUSED
    assert probe().authorize(ANONYMOUS, a_push()) == REFUSED


def test_reading_is_left_to_other_plugins() -> None:
    assert probe().authorize(an_identity("bob"), a_fetch()) is None


class TestPushersOnly(AuthorizerContract):
    allowed = (an_identity("alice", "maintainers"), a_push())
    denied = (an_identity("bob", "Maintainers"), a_push())

    @pytest.fixture
    def plugin(self) -> PushersOnly:
        return PushersOnly(Settings(group="maintainers"))
