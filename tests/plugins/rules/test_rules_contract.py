"""rules is what gitgate.testing asks of every plugin that decides."""

import pytest
from gitgate_rules import Rule, RulesPlugin, RulesSettings

from gitgate.plugin import ANONYMOUS, RefChange, RefUpdate
from gitgate.testing import AuthorizerContract, a_fetch, a_push, an_identity

RULES = (
    Rule(repos=("secret/**",), who=("everyone",), deny=("read", "write"), message="Secret."),
    Rule(repos=("team/**",), who=("group:devs",), allow=("write",)),
    Rule(repos=("guarded",), who=("everyone",), refs=("refs/heads/main",), deny=("force",), message="Guarded."),
    Rule(repos=("guarded",), who=("group:devs",), allow=("write", "force")),
    Rule(repos=("users/{user}/**",), who=("authenticated",), allow=("read", "write")),
)


class RulesContract(AuthorizerContract):
    @pytest.fixture
    def plugin(self) -> RulesPlugin:
        return RulesPlugin(RulesSettings(rules=RULES))


class TestGroups(RulesContract):
    allowed = (an_identity("alice", "devs"), a_push("/team/app"))
    denied = (an_identity("devs", "Devs", "group:devs"), a_push("/team/app"))


class TestUsers(RulesContract):
    allowed = (an_identity("alice"), a_push("/users/alice/app"))
    denied = (an_identity("**"), a_push("/users/alice/app"))


class TestRefusals(RulesContract):
    allowed = (an_identity("alice", "devs"), a_push("/team/app"))
    denied = (ANONYMOUS, a_fetch("/secret/app"))


def _a_rewind(ref: str) -> RefUpdate:
    return RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=RefChange.REWIND)


class TestRefs(RulesContract):
    allowed = (an_identity("alice", "devs"), a_push("/guarded", updates=(_a_rewind("refs/heads/topic"),)))
    denied = (an_identity("alice", "devs"), a_push("/guarded", updates=(_a_rewind("refs/heads/main"),)))
