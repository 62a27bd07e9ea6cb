"""What is decided about the refs of a push, ref by ref, and about a push whose refs are not known yet."""

import logging
from collections.abc import Callable
from typing import TypeAlias

import pytest
from gitgate_rules import Rule, RulesPlugin, RulesSettings
from hypothesis import given
from hypothesis import strategies as st

from gitgate.plugin import ANONYMOUS, Access, Allow, Deny, Identity, RefChange, RefUpdate
from gitgate.testing import Probe, a_push, a_repository

Vote: TypeAlias = Allow | Deny | None
Decide: TypeAlias = Callable[..., Callable[[Identity, Access, str], Vote]]
Judge: TypeAlias = Callable[..., Callable[..., Vote]]

LEAD = Identity(name="lea", groups=frozenset({"leads", "devs"}))
DEVELOPER = Identity(name="dan", groups=frozenset({"devs"}))

CREATE, UPDATE, REWIND, DELETE = RefChange
MAIN, TOPIC, TAG = "refs/heads/main", "refs/heads/topic", "refs/tags/v1"

PROTECTED = (
    {"name": "leads", "repos": ["**"], "who": ["group:leads"], "allow": ["write", "force", "delete"]},
    {
        "name": "main",
        "repos": ["**"],
        "who": ["everyone"],
        "refs": [MAIN],
        "deny": ["force", "delete"],
        "message": "main only moves forward.",
    },
    {"repos": ["**"], "who": ["group:devs"], "refs": ["refs/heads/**"], "allow": ["write", "force", "delete"]},
)


@pytest.mark.parametrize(("verb", "decided"), [("write", {CREATE, UPDATE}), ("force", {REWIND}), ("delete", {DELETE})])
def test_a_verb_is_about_its_own_changes(judge: Judge, verb: str, decided: set[RefChange]) -> None:
    ask = judge({"repos": ["**"], "who": ["everyone"], "allow": [verb]})

    assert {change for change in RefChange if ask(DEVELOPER, (change, MAIN)) is not None} == decided


def test_each_ref_is_judged_by_the_first_rule_that_is_about_it(judge: Judge) -> None:
    ask = judge(*PROTECTED)

    votes = [ask(who, (change, ref)) for who in (LEAD, DEVELOPER) for change in (UPDATE, REWIND) for ref in (MAIN, TAG)]

    assert votes == [
        Allow("leads: write allowed to group:leads for refs/heads/main"),
        Allow("leads: write allowed to group:leads for refs/tags/v1"),
        Allow("leads: force allowed to group:leads for refs/heads/main"),
        Allow("leads: force allowed to group:leads for refs/tags/v1"),
        Allow("rules[2]: write allowed to group:devs for refs/heads/main"),
        None,
        Deny("main: force denied to everyone for refs/heads/main", "main only moves forward.", (MAIN,)),
        None,
    ]


def test_a_push_that_is_allowed_names_each_rule_once(judge: Judge) -> None:
    ask = judge(*PROTECTED)

    vote = ask(DEVELOPER, (UPDATE, MAIN), (CREATE, TOPIC), (DELETE, TOPIC))

    assert vote == Allow(
        "rules[2]: write allowed to group:devs for refs/heads/main and 1 more; "
        "rules[2]: delete allowed to group:devs for refs/heads/topic"
    )


def test_only_the_refused_refs_are_named(judge: Judge) -> None:
    ask = judge(*PROTECTED)

    vote = ask(DEVELOPER, (REWIND, TOPIC), (DELETE, MAIN), (UPDATE, TOPIC))

    assert vote == Deny("main: delete denied to everyone for refs/heads/main", "main only moves forward.", (MAIN,))


def test_the_messages_of_all_rules_that_refuse_are_told_once(judge: Judge) -> None:
    ask = judge(
        {"name": "a", "repos": ["**"], "who": ["everyone"], "refs": [MAIN], "deny": ["write"], "message": "Not main."},
        {"name": "b", "repos": ["**"], "who": ["everyone"], "refs": ["refs/tags/**"], "deny": ["write"]},
        {"name": "c", "repos": ["**"], "who": ["everyone"], "deny": ["write"], "message": "Not here."},
    )

    vote = ask(DEVELOPER, (CREATE, TAG), (UPDATE, MAIN), (UPDATE, TOPIC), (UPDATE, "refs/heads/x"))

    assert vote == Deny(
        "b: write denied to everyone for refs/tags/v1; a: write denied to everyone for refs/heads/main; "
        "c: write denied to everyone for refs/heads/topic and 1 more",
        "Not main. Not here.",
        (TAG, MAIN, TOPIC, "refs/heads/x"),
    )


def test_a_ref_without_a_rule_is_refused_beside_one_that_is_allowed(judge: Judge) -> None:
    """An Allow is for the whole push, so it would let the other ref in; None would forget what a rule decided."""
    ask = judge(*PROTECTED)

    vote = ask(DEVELOPER, (UPDATE, TOPIC), (CREATE, TAG))

    assert vote == Deny("no rule: write for refs/tags/v1", None, (TAG,))


def test_a_push_without_a_rule_for_any_ref_is_left_to_other_plugins(judge: Judge) -> None:
    ask = judge(*PROTECTED)

    assert ask(DEVELOPER, (CREATE, TAG), (REWIND, "refs/notes/x")) is None


def test_a_user_has_the_refs_of_that_name(judge: Judge) -> None:
    ask = judge(
        {"repos": ["**"], "who": ["everyone"], "refs": ["refs/heads/{user}/**"], "allow": ["write", "force", "delete"]}
    )

    meant = {
        (who.name, ref)
        for who in (DEVELOPER, Identity(name="*"), Identity(name="a/b"), ANONYMOUS)
        for ref in ("dan/x", "a/b/x", "anonymous/x", "*/x", "danx/y")
        if ask(who, (CREATE, f"refs/heads/{ref}"))
    }

    assert meant == {("dan", "dan/x"), ("*", "*/x")}


@pytest.mark.parametrize(
    ("rules", "vote"),
    [
        pytest.param([("deny", [MAIN])], None, id="a rule for some refs has to wait for their names"),
        pytest.param([("allow", [MAIN])], Allow("rules[0]: write allowed to everyone for some refs"), id="some"),
        pytest.param(
            [("deny", [MAIN]), ("allow", None)], Allow("rules[1]: write allowed to everyone"), id="all but one"
        ),
        pytest.param(
            [("allow", [MAIN]), ("deny", None)], Allow("rules[0]: write allowed to everyone for some refs"), id="one"
        ),
        pytest.param([("deny", None), ("allow", [MAIN])], Deny("rules[0]: write denied to everyone"), id="closed"),
        pytest.param([("deny", ["refs/**"]), ("allow", [MAIN])], Deny("rules[0]: write denied to everyone"), id="all"),
        pytest.param([("deny", [TAG, "**"])], Deny("rules[0]: write denied to everyone"), id="all, among others"),
    ],
)  # fmt: skip
def test_a_push_goes_on_to_its_refs_where_some_may_be_written(
    decide: Decide, rules: list[tuple[str, list[str] | None]], vote: Vote
) -> None:
    ask = decide(
        *(
            {"repos": ["**"], "who": ["everyone"], key: ["write"]} | ({"refs": refs} if refs else {})
            for key, refs in rules
        )
    )

    assert ask(DEVELOPER, Access.WRITE, "app") == vote


def test_nobody_goes_on_to_refs_that_belong_to_users(decide: Decide) -> None:
    """Whoever has not logged in is asked for a login at once, and not refused after the upload."""
    ask = decide({"repos": ["**"], "who": ["everyone"], "refs": ["refs/heads/{user}/**"], "allow": ["write"]})

    assert ask(ANONYMOUS, Access.WRITE, "app") is None


def test_a_repository_that_is_closed_to_writing_is_closed_to_deleting_and_force(decide: Decide) -> None:
    """An operator closes a repository with `deny: [write]`; a rule below still lets developers delete branches.

    Whether a push may begin is the question for `write` alone, so it ends there.
    """
    ask = decide(
        {"repos": ["archive/**"], "who": ["everyone"], "deny": ["write"], "message": "Closed."},
        {"repos": ["**"], "who": ["group:devs"], "allow": ["read", "write", "force", "delete"]},
    )

    assert ask(DEVELOPER, Access.WRITE, "archive/x") == Deny("rules[0]: write denied to everyone", "Closed.")


def test_rules_that_are_certainly_decided_above_are_reported(judge: Judge, caplog: pytest.LogCaptureFixture) -> None:
    def rule(who: str, verb: str, *refs: str, repos: str = "**") -> dict[str, object]:
        return {"repos": [repos], "who": [who], "deny": [verb]} | ({"refs": refs} if refs else {})

    with caplog.at_level(logging.WARNING):
        judge(
            rule("group:devs", "force", "refs/heads/**", repos="team/**"),
            rule("group:devs", "force", MAIN, repos="team/app"),  # the same, narrower
            rule("group:devs", "force", MAIN),  # in more repositories
            rule("group:devs", "force", "**/main", repos="team/app"),  # also a tag
            rule("group:devs", "force", repos="team/app"),  # also tags
            rule("group:devs", "delete", MAIN, repos="team/app"),  # another verb
            rule("dan", "force", MAIN, repos="team/app"),  # who may be in no group
            rule("authenticated", "delete"),
            rule("dan", "delete", TAG),
            rule("everyone", "delete", TAG),
            rule("anonymous", "write", "refs/heads/{user}/**"),
        )

    assert caplog.messages == [
        "rules[1] never decides: rules[0] above it decides all that it could",
        "rules[8] never decides: rules[7] above it decides all that it could",
        "rules[10] never decides: {user} is nobody where nobody has logged in",
    ]


def _rules() -> st.SearchStrategy[Rule]:
    patterns = st.lists(st.sampled_from([MAIN, "refs/heads/*", "refs/tags/**", "**/v1"]), min_size=1, max_size=2)
    verbs = st.lists(st.sampled_from(["write", "force", "delete"]), min_size=1, max_size=2).map(tuple)
    about = {"repos": st.just(("**",)), "who": st.just(("everyone",)), "refs": st.none() | patterns.map(tuple)}
    return st.builds(Rule, **about, allow=verbs) | st.builds(Rule, **about, deny=verbs)


@given(
    rules=st.lists(_rules(), min_size=1, max_size=5),
    changes=st.lists(
        st.tuples(st.sampled_from(RefChange), st.sampled_from([MAIN, TOPIC, TAG])), min_size=1, max_size=5
    ),
)
def test_a_push_is_allowed_exactly_if_each_of_its_refs_is(
    rules: list[Rule], changes: list[tuple[RefChange, str]]
) -> None:
    plugin = Probe(RulesPlugin(RulesSettings(rules=tuple(rules))))
    updates = [RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=change) for change, ref in changes]

    alone = [plugin.authorize(DEVELOPER, a_push(updates=(update,)), a_repository()) for update in updates]
    together = plugin.authorize(DEVELOPER, a_push(updates=tuple(updates)), a_repository())

    refused = tuple(update.ref for update, vote in zip(updates, alone, strict=True) if not isinstance(vote, Allow))
    if not any(alone):
        assert together is None
    elif refused:
        assert isinstance(together, Deny)
        assert together.refs == refused
    else:
        assert isinstance(together, Allow)


def test_thousands_of_refs_are_few_words(judge: Judge) -> None:
    """Whoever may push, however little, can push 10,000 refs; a log line is not to grow with them."""
    ask = judge(*PROTECTED)

    vote = ask(DEVELOPER, *((UPDATE, f"refs/heads/{i}") for i in range(9_999)), (DELETE, MAIN))

    assert vote == Deny("main: delete denied to everyone for refs/heads/main", "main only moves forward.", (MAIN,))
