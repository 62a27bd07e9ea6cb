"""One test for each way in which somebody might get a right, or lose one, that no rule speaks of."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from gitgate.plugin import ANONYMOUS, Access, Allow, Deny, Identity

Vote: TypeAlias = Allow | Deny | None
Decide: TypeAlias = Callable[..., Callable[[Identity, Access, str], Vote]]


@pytest.mark.parametrize(
    "name", ["*", "**", "?????", ".*", "al*", "..", ".", "users", "alice/x", "{user}", "alice|bob"]
)
def test_user_name_that_is_a_pattern(decide: Decide, name: str) -> None:
    """`users/{user}/**` is everybody's own folder, and there are directories in which people may name themselves.

    1. Somebody becomes `*` (or `..`, or `alice/x`) there.
    2. Put into the pattern, the name would open every folder.
    """
    ask = decide({"repos": ["users/{user}/**"], "who": ["authenticated"], "allow": ["read"]})
    somebody = Identity(name=name)

    assert [ask(somebody, Access.READ, repository) for repository in ("users/alice/x", "users/alice", "users")] == [
        None,
        None,
        None,
    ]


def test_user_name_that_is_a_pattern_still_has_its_own_folder(decide: Decide) -> None:
    ask = decide({"repos": ["users/{user}/**"], "who": ["authenticated"], "allow": ["read"]})

    vote = ask(Identity(name="a.b*c"), Access.READ, "users/a.b*c/notes")

    assert vote == Allow("rules[0]: read allowed to authenticated")


def test_nobody_as_a_user(decide: Decide) -> None:
    """A folder called `anonymous` (which anybody who may create repositories can make) is nobody's own."""
    ask = decide({"repos": ["users/{user}/**"], "who": ["everyone"], "allow": ["read"]})

    assert ask(ANONYMOUS, Access.READ, "users/anonymous/x") is None


@pytest.mark.parametrize("name", ["group:admins", "everyone", "authenticated"])
def test_user_called_like_a_reserved_word(decide: Decide, name: str) -> None:
    """Somebody who may choose a name chooses that of a group, or a reserved word. It means what it always means."""
    ask = decide(
        {"repos": ["admins/**"], "who": ["group:admins"], "allow": ["read"]},
        {"repos": ["public/**"], "who": ["everyone"], "allow": ["read"]},
    )
    somebody = Identity(name=name)

    votes = [ask(somebody, Access.READ, "admins/x"), ask(somebody, Access.READ, "public/x")]

    assert votes == [None, Allow("rules[1]: read allowed to everyone")]


@pytest.mark.parametrize(
    "name", ["secretive/x", "my/secret/x", "Secret/x", "secret-x", "xsecret", "secret\n", "secre", "secrets"]
)
def test_name_that_is_nearly_meant(decide: Decide, name: str) -> None:
    """A pattern that is searched for, or compared without regard to case, would give rights to its neighbours."""
    ask = decide({"repos": ["secret/**", "secre?"], "who": ["everyone"], "allow": ["read"]})

    granted = ask(ANONYMOUS, Access.READ, name)

    assert granted is None


def test_regular_expression_in_a_pattern(decide: Decide) -> None:
    """`v1.0` must not mean `v1x0`, nor `a+` mean `aaa`: outside of `*` and `?`, every character is itself."""
    ask = decide({"repos": ["v1.0*", "a+", "(x|y)*", "^z$"], "who": ["everyone"], "allow": ["read"]})

    meant = [
        name
        for name in ("v1x0", "aaa", "x", "y", "z", "v1.0", "a+", "(x|y)z", "^z$")
        if ask(ANONYMOUS, Access.READ, name)
    ]

    assert meant == ["v1.0", "a+", "(x|y)z", "^z$"]
