"""Which rule decides, and what it says."""

import logging
from collections.abc import Callable
from typing import TypeAlias

import pytest

from gitgate.plugin import ANONYMOUS, Access, Allow, Deny, Identity

Vote: TypeAlias = Allow | Deny | None
Decide: TypeAlias = Callable[..., Callable[[Identity, Access, str], Vote]]

ADMIN = Identity(name="ada", groups=frozenset({"admins", "devs"}))
DEVELOPER = Identity(name="dan", groups=frozenset({"devs"}))
GUEST = Identity(name="gus")


def test_the_first_rule_that_matches_decides_and_is_the_reason(decide: Decide) -> None:
    """The repository-level rules of the shipped example."""
    ask = decide(
        {"repos": ["secret/**"], "who": ["group:admins"], "allow": ["read", "write"]},
        {"repos": ["secret/**"], "who": ["everyone"], "deny": ["read", "write"], "message": "Ask the admins."},
        {"name": "developers", "repos": ["**"], "who": ["group:devs"], "allow": ["read", "write"]},
        {"repos": ["users/{user}/**"], "who": ["authenticated"], "allow": ["read", "write", "create"]},
        {"repos": ["public/**"], "who": ["everyone"], "allow": ["read"]},
    )

    votes = {
        (who.name, access.value, name): ask(who, access, name)
        for who, access, name in [
            (ADMIN, Access.WRITE, "secret/plan"),
            (DEVELOPER, Access.READ, "secret/plan"),
            (DEVELOPER, Access.WRITE, "team/app"),
            (GUEST, Access.WRITE, "team/app"),
            (GUEST, Access.CREATE, "users/gus/notes"),
            (GUEST, Access.CREATE, "users/dan/notes"),
            (ANONYMOUS, Access.READ, "public/app"),
            (ANONYMOUS, Access.WRITE, "public/app"),
            (ANONYMOUS, Access.READ, "secret"),
        ]
    }

    assert votes == {
        ("ada", "write", "secret/plan"): Allow("rules[0]: write allowed to group:admins"),
        ("dan", "read", "secret/plan"): Deny("rules[1]: read denied to everyone", "Ask the admins."),
        ("dan", "write", "team/app"): Allow("developers: write allowed to group:devs"),
        ("gus", "write", "team/app"): None,
        ("gus", "create", "users/gus/notes"): Allow("rules[3]: create allowed to authenticated"),
        ("gus", "create", "users/dan/notes"): None,
        ("anonymous", "read", "public/app"): Allow("rules[4]: read allowed to everyone"),
        ("anonymous", "write", "public/app"): None,
        ("anonymous", "read", "secret"): Deny("rules[1]: read denied to everyone", "Ask the admins."),
    }


@pytest.mark.parametrize(
    ("verb", "granted"), [("read", {Access.READ}), ("write", {Access.WRITE}), ("create", {Access.CREATE})]
)
def test_a_verb_grants_itself_and_nothing_else(decide: Decide, verb: str, granted: set[Access]) -> None:
    ask = decide({"repos": ["**"], "who": ["everyone"], "allow": [verb]})

    assert {access for access in Access if ask(GUEST, access, "app") is not None} == granted


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("dan", ["dan"]),
        ("Dan", []),
        ("user:dan", ["dan"]),
        ("user:anonymous", []),
        ("group:devs", ["ada", "dan"]),
        ("group:dev", []),
        ("authenticated", ["ada", "dan", "gus"]),
        ("anonymous", ["anonymous"]),
        ("everyone", ["ada", "dan", "gus", "anonymous"]),
    ],
)
def test_whom_a_word_means(decide: Decide, word: str, meant: list[str]) -> None:
    ask = decide({"repos": ["**"], "who": [word], "allow": ["read"]})

    found = [who.name for who in (ADMIN, DEVELOPER, GUEST, ANONYMOUS) if ask(who, Access.READ, "app") is not None]

    assert found == meant


def test_a_rule_needs_one_of_its_patterns_and_one_of_its_words(decide: Decide) -> None:
    ask = decide({"repos": ["a/*", "b/*"], "who": ["gus", "group:admins"], "deny": ["write"]})

    votes = [ask(GUEST, Access.WRITE, "b/x"), ask(DEVELOPER, Access.WRITE, "b/x"), ask(ADMIN, Access.WRITE, "c/x")]

    assert votes == [Deny("rules[0]: write denied to gus"), None, None]


def test_a_rule_below_one_that_decides_for_everyone_is_reported(
    decide: Decide, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        decide(
            {"name": "closed", "repos": ["a", "**"], "who": ["everyone"], "deny": ["write"]},
            {"repos": ["team/**"], "who": ["everyone"], "allow": ["read"]},
            {"repos": ["team/**"], "who": ["group:devs"], "allow": ["write"]},
            {"repos": ["**"], "who": ["authenticated"], "allow": ["read", "write"]},
            {"repos": ["**"], "who": ["ada", "everyone"], "allow": ["read"]},
            {"name": "late", "repos": ["team/app"], "who": ["dan"], "deny": ["read", "write"]},
            {"repos": ["team/app"], "who": ["dan"], "allow": ["create"]},
        )

    assert caplog.messages == [
        "rules[2] never decides: closed above it decides all that it could",
        "late never decides: closed and rules[1] above it decide all that it could",
    ]
