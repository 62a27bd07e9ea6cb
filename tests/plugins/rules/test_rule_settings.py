"""What can be wrong with a rule, and what its author is told."""

import json
import re
from collections.abc import Callable

import pytest
from gitgate_rules import Rule, RulesSettings
from pydantic import TypeAdapter, ValidationError

WHOLE = "whoever may read a repository may read all of it; put read into a rule without refs"
GOOD = {"repos": ["**"], "who": ["everyone"], "allow": ["read"]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"repos": []}, "repos: is empty; a rule needs at least one entry here"),
        ({"who": []}, "who: is empty; a rule needs at least one entry here"),
        ({"allow": []}, "allow: is empty; a rule needs at least one entry here"),
        ({"allow": None}, "write one of allow and deny, and list the verbs it decides"),
        ({"deny": ["read"]}, "write one of allow and deny, and list the verbs it decides"),
        ({"repos": ["/a"]}, "repos: '/a': a repository's name has no leading '/'; write 'a'"),
        ({"who": ["role:admin"]}, "who: 'role:admin': is neither group:NAME nor a user's name alone"),
        ({"who": ["groups:x"]}, "who: 'groups:x': is neither group:NAME nor a user's name alone"),
        ({"who": ["group:"]}, "who: 'group:': write the group's name right after group:"),
        ({"who": ["group: x"]}, "who: 'group: x': write the group's name right after group:"),
        ({"who": ["@devs"]}, "who: '@devs': write a group as group:devs"),
        ({"who": ["*"]}, "who: '*': users are not patterns; write everyone, authenticated or group:NAME"),
        ({"who": ["Everyone"]}, "who: 'Everyone': write everyone in lower case"),
        *(
            ({"who": [word]}, f"who: {word!r}: did you mean {meant}? write user:{word} for a user of that name")
            for word, meant in {
                "all": "everyone",
                "ANYONE": "everyone",
                "everybody": "everyone",
                "everone": "everyone",
                "users": "authenticated",
                "autenticated": "authenticated",
                "guest": "anonymous",
                "anonymus": "anonymous",
            }.items()
        ),
        ({"who": ["user:"]}, "who: 'user:': write the user's name right after user:"),
        ({"who": [""]}, "who: '': a name neither is empty nor begins or ends with a blank"),
        ({"who": ["alice "]}, "who: 'alice ': a name neither is empty nor begins or ends with a blank"),
        ({"message": "Welcome."}, "message: is for those whom a rule refuses, and this one allows; leave it out"),
        ({"deny": ["read"], "allow": None, "message": "a\nb"}, "message: must be one line, without control characters"),
        ({"refs": []}, f"refs: is empty; a rule needs at least one entry here; allow: {WHOLE}"),
        ({"refs": ["refs"], "allow": ["force"]}, "refs: 'refs': is no ref; for all below, write 'refs/**'"),
        ({"refs": ["**"], "allow": None, "deny": ["read"]}, f"deny: {WHOLE}"),
        (
            {"refs": ["**"], "allow": ["create"]},
            "allow: a repository that is to be created has no refs; put create into a rule without refs",
        ),
        ({"name": " "}, "name: is empty; leave it out, or say what the rule is for"),
        (
            {"repos": ["a/", "b//c"], "who": ["@x"]},
            "repos: 'a/': a repository's name has no '/' at its end; for all below, write 'a/**'; "
            "repos: 'b//c': no repository's name has the segment ''; who: '@x': write a group as group:x",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_work_says_why_at_its_place(
    build: Callable[..., RulesSettings], change: dict[str, object], told: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        build(GOOD, GOOD | change)

    assert [(error["loc"], error["msg"]) for error in caught.value.errors()] == [(("rules", 1), f"Value error, {told}")]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"who": ["alice", True]}, ("who", 1)),
        ({"who": [None]}, ("who", 0)),
        ({"repos": [2026]}, ("repos", 0)),
        ({"who": "everyone"}, ("who",)),
        ({"allow": ["push"]}, ("allow", 0)),
        ({"deny": ["rewind"], "allow": None}, ("deny", 0)),
    ],
)
def test_what_is_no_rule_at_all_is_refused_at_the_very_entry(
    build: Callable[..., RulesSettings], change: dict[str, object], place: tuple[str | int, ...]
) -> None:
    with pytest.raises(ValidationError) as caught:
        build(GOOD, GOOD | change)

    assert [error["loc"] for error in caught.value.errors()] == [("rules", 1, *place)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"repos": (True,)}, "repos: True is not a text; put it into quotes if it is meant as one"),
        ({"who": (None,)}, "who: None is not a text; put it into quotes if it is meant as one"),
        ({"repos": "**"}, "repos: write a list, such as ['**']"),
        ({"allow": ("push",)}, "allow: 'push': is no verb; write read, write, force, delete or create"),
    ],
)
def test_a_program_that_builds_rules_is_told_the_same(change: dict[str, object], told: str) -> None:
    """Where no types are checked, `repos="**"` would be a list of two stars, each of which is a good pattern."""
    arguments: dict[str, object] = {"repos": ("**",), "who": ("everyone",), "allow": ("read",)}

    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        Rule(**(arguments | change))  # type: ignore[arg-type]  # the mistake that is tested


def test_a_plugin_without_rules_is_refused(build: Callable[..., RulesSettings]) -> None:
    with pytest.raises(ValidationError, match="rules: is empty; write a rule, or take the plugin out"):
        build()


def test_two_rules_of_one_name_are_refused(build: Callable[..., RulesSettings]) -> None:
    """The reason in the log would not tell which of them decided."""
    with pytest.raises(ValidationError, match="2 rules are called 'team'; the log could not tell them apart"):
        build(GOOD | {"name": "team"}, GOOD, GOOD | {"name": "team"})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "write the rules under `rules`, or name a file with them as `file`"),
        ({"rules": [GOOD], "file": "rules.yaml"}, "rules stand in this file already; write one of `rules` and `file`"),
    ],
)
def test_rules_stand_in_one_place(settings: dict[str, object], told: str) -> None:
    """Of rules in two places, an operator would change the ones that are not in use."""
    with pytest.raises(ValidationError, match=re.escape(told)):
        TypeAdapter(RulesSettings).validate_json(json.dumps(settings), strict=True)
