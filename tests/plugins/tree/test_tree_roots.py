"""Several roots: under prefixes, by host and by user name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from gitgate_tree import Root, TreePlugin, TreeSettings
from hooks import answered

from gitgate.plugin import ANONYMOUS, Missing, Repository, SettingsError
from gitgate.testing import a_fetch

Answer: TypeAlias = Repository | Missing | None
Make: TypeAlias = Callable[..., Path]


def _ask(plugin: TreePlugin, path: str, host: str | None = None, username: str | None = None) -> Answer:
    return answered(plugin.resolve_path(ANONYMOUS, a_fetch(path, host=host, username=username)))


def _plugin(*roots: Root, allow_symlinks: bool = False) -> TreePlugin:
    return TreePlugin(TreeSettings(roots=roots, allow_symlinks=allow_symlinks))


@pytest.fixture
def srv(tmp_path: Path) -> Path:
    for name in ("git", "attic", "old", "customer"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def prefixed(srv: Path) -> TreePlugin:
    return _plugin(
        Root(root=srv / "git"),
        Root(root=srv / "attic", prefix="attic"),
        Root(root=srv / "old", prefix="attic/very/old"),
    )


@pytest.fixture
def tenants(srv: Path) -> TreePlugin:
    return _plugin(
        Root(root=srv / "git"),
        Root(root=srv / "attic", prefix="attic"),
        Root(
            root=srv / "customer", prefix="customer", hosts=("Git.Customer.example", "[::1]"), usernames=("customer",)
        ),
    )


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("git/team/app.git", "team/app"),
        ("attic/team/app.git", "attic/team/app"),
        ("old/app.git", "attic/very/old/app"),
        ("attic/very/new.git", "attic/very/new"),
        ("git/attic.git", "attic"),
        ("attic/very/old.git", "attic/very/old"),
    ],
)
def test_the_longest_prefix_says_which_root_and_is_part_of_the_name(
    srv: Path, prefixed: TreePlugin, make: Make, place: str, name: str
) -> None:
    directory = make(srv / place, "--bare")

    answers = [_ask(prefixed, f"/{name}"), _ask(prefixed, f"/{name}.git")]

    assert answers == [Repository(directory=directory, name=name)] * 2


def test_a_prefix_is_compared_by_whole_segments(srv: Path, prefixed: TreePlugin, make: Make) -> None:
    make(srv / "attic" / "2/app.git", "--bare")
    directory = make(srv / "git" / "attic2/app.git", "--bare")

    assert _ask(prefixed, "/attic2/app") == Repository(directory=directory, name="attic2/app")


def test_a_path_below_no_prefix_is_left_to_other_plugins(srv: Path, make: Make) -> None:
    make(srv / "attic" / "app.git", "--bare")
    plugin = _plugin(Root(root=srv / "attic", prefix="attic"), Root(root=srv / "old", prefix="old", hosts=("h",)))

    assert [_ask(plugin, path) for path in ("/app", "/attic", "/other/app")] == [None, None, None]


@pytest.mark.parametrize(
    ("host", "username"),
    [
        ("git.customer.example", None),
        ("GIT.customer.EXAMPLE:8443", None),
        ("git.customer.example.", "git"),
        ("git.customer.example.:80", None),
        ("[::1]:9418", None),
        ("[::1]", None),
        (None, "customer"),
        ("git.example.org", "customer"),
    ],
)
def test_a_tenants_root_is_reached_by_host_or_user_name_and_is_called_by_its_prefix(
    srv: Path, tenants: TreePlugin, make: Make, host: str | None, username: str | None
) -> None:
    make(srv / "git" / "app.git", "--bare")
    directory = make(srv / "customer" / "app.git", "--bare")

    assert _ask(tenants, "/app", host, username) == Repository(directory=directory, name="customer/app")


@pytest.mark.parametrize(
    ("host", "username"),
    [
        (None, None),
        ("", ""),
        ("git.example.org", "git"),
        ("git.customer.example.evil.example", "Customer"),
        ("xgit.customer.example", "customer "),
        ("git.customer.example:80:80", None),
        ("git.customer.example..", None),
        ("::1", None),
        ("[::1", None),
    ],
)
def test_whoever_names_no_tenant_gets_what_is_for_everybody(
    srv: Path, tenants: TreePlugin, make: Make, host: str | None, username: str | None
) -> None:
    directory = make(srv / "git" / "app.git", "--bare")
    make(srv / "customer" / "app.git", "--bare")

    assert _ask(tenants, "/app", host, username) == Repository(directory=directory, name="app")


def test_a_tenants_root_is_all_there_is_for_its_host(srv: Path, tenants: TreePlugin, make: Make) -> None:
    make(srv / "attic" / "app.git", "--bare")
    make(srv / "git" / "team.git", "--bare")

    answers = [_ask(tenants, path, "git.customer.example") for path in ("/attic/app", "/team")]

    assert answers == [
        Missing(f"no repository at {srv}/customer/attic"),
        Missing(f"no repository at {srv}/customer/team"),
    ]


def test_the_host_goes_before_the_user_name(srv: Path, make: Make) -> None:
    directory = make(srv / "old" / "app.git", "--bare")
    make(srv / "customer" / "app.git", "--bare")
    plugin = _plugin(
        Root(root=srv / "old", prefix="old", hosts=("old.example",)),
        Root(root=srv / "customer", prefix="customer", usernames=("customer",)),
    )

    assert _ask(plugin, "/app", "old.example", "customer") == Repository(directory=directory, name="old/app")


# Attacks


def test_tenants_name_borrowed_by_a_path(srv: Path, tenants: TreePlugin, make: Make) -> None:
    """Rules let everybody read `public/**` and the customer's people `customer/**`.

    1. Mallory may create folders below the root for everybody, and has `customer/app.git` there.
    2. Asked for as `/customer/app`, it would be judged, logged and pushed to as the customer's `customer/app`.
    """
    make(srv / "git" / "customer" / "app.git", "--bare")
    make(srv / "customer" / "app.git", "--bare")

    assert _ask(tenants, "/customer/app") == Missing("customer/app is in a root for other hosts or user names")


def test_root_that_hides_in_a_tenants_prefix(srv: Path, make: Make) -> None:
    """A longer prefix inside the tenant's belongs to its own root, and so nobody reaches it by the tenant's host."""
    make(srv / "customer" / "attic" / "app.git", "--bare")
    directory = make(srv / "attic" / "app.git", "--bare")
    plugin = _plugin(
        Root(root=srv / "customer", prefix="customer", hosts=("customer.example",)),
        Root(root=srv / "attic", prefix="customer/attic"),
    )

    answers = [_ask(plugin, "/attic/app", "customer.example"), _ask(plugin, "/customer/attic/app")]

    assert answers == [
        Missing("customer/attic/app is in a root for other hosts or user names"),
        Repository(directory=directory, name="customer/attic/app"),
    ]


def test_symbolic_link_to_a_name_of_another_root(srv: Path, prefixed: TreePlugin, make: Make) -> None:
    """What stands below `attic` in the first root is hidden by the second root.

    1. `link.git` in the first root leads to `attic/app.git` beside it, whose own name is `attic/app`.
    2. That is the name of another repository, in the second root, and of the rules about it.
    """
    hidden = make(srv / "git" / "attic" / "app.git", "--bare")
    make(srv / "attic" / "app.git", "--bare")
    (srv / "git" / "link.git").symlink_to("attic/app.git")

    assert _ask(prefixed, "/link") == Missing(f"{hidden} would be called attic/app, which is a name of another root")


@pytest.mark.parametrize("path", ["/link", "/folder/app"])
@pytest.mark.parametrize("allow_symlinks", [False, True])
def test_symbolic_link_from_root_to_root_as_a_second_name(
    srv: Path, make: Make, path: str, allow_symlinks: bool
) -> None:
    """Rules deny `customer/**`; a link in the root for everybody leads there. It must not give a second name."""
    directory = make(srv / "customer" / "app.git", "--bare")
    (srv / "git" / "link.git").symlink_to(directory)
    (srv / "git" / "folder").symlink_to(srv / "customer")
    plugin = _plugin(
        Root(root=srv / "git"),
        Root(root=srv / "customer", prefix="customer", hosts=("customer.example",)),
        allow_symlinks=allow_symlinks,
    )

    answer = _ask(plugin, path)

    if allow_symlinks:
        assert answer == Repository(directory=directory, name="customer/app")
    else:
        assert isinstance(answer, Missing)


# What is refused at start


@pytest.mark.parametrize(
    ("inner", "outer"), [("git", "git"), ("git/sub", "git"), ("link", "git")], ids=["same", "inside", "link"]
)
def test_roots_inside_of_each_other_are_refused(srv: Path, inner: str, outer: str) -> None:
    """A repository would have two names, and rules that deny one of them would not hold."""
    (srv / "git" / "sub").mkdir()
    (srv / "link").symlink_to("git/sub")

    with pytest.raises(SettingsError, match="is inside of .*two names") as caught:
        _plugin(Root(root=srv / outer), Root(root=srv / inner, prefix="x"))

    assert caught.value.key == "roots"


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({}, {}, "two roots have the prefix ''"),
        ({"prefix": "a/b"}, {"prefix": "a/b"}, "two roots have the prefix 'a/b'"),
        ({"prefix": "a", "hosts": ("H",)}, {"prefix": "b", "hosts": ("h",)}, "two roots have the host 'h'"),
        (
            {"prefix": "a", "usernames": ("u",)},
            {"prefix": "b", "usernames": ("u",)},
            "two roots have the user name 'u'",
        ),
    ],
)
def test_two_roots_for_the_same_request_are_refused(one: dict[str, Any], other: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        TreeSettings(roots=tuple(Root(root=Path("/srv"), **keys) for keys in (one, other)))

    assert caught.value.key == "roots"


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ({"hosts": ("h",)}, "prefix", "needs a prefix"),
        ({"usernames": ("u",)}, "prefix", "needs a prefix"),
        ({"prefix": "/a"}, "prefix", "write a name like team/app"),
        ({"prefix": "a/"}, "prefix", "write a name like team/app"),
        ({"prefix": "a.git"}, "prefix", "write a name like team/app"),
        ({"prefix": "a/../b"}, "prefix", "write a name like team/app"),
        ({"prefix": ".a"}, "prefix", "write a name like team/app"),
        ({"prefix": "a", "hosts": ("h:80",)}, "hosts", "without scheme and port"),
        ({"prefix": "a", "hosts": ("https://h",)}, "hosts", "without scheme and port"),
        ({"prefix": "a", "hosts": ("",)}, "hosts", "without scheme and port"),
        ({"prefix": "a", "usernames": ("",)}, "usernames", "not empty"),
    ],
)
def test_a_root_that_could_not_be_meant_is_refused(keys: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        Root(root=Path("/srv"), **keys)

    assert caught.value.key == key


@pytest.mark.parametrize("given", [{}, {"root": Path("/srv"), "roots": (Root(root=Path("/srv")),)}])
def test_neither_root_nor_roots_and_both_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="write either root, for one folder, or roots, for several"):
        TreeSettings(**given)


def test_one_of_several_roots_that_is_not_there_is_refused_at_start(srv: Path) -> None:
    with pytest.raises(SettingsError, match="name a folder that gitgate can enter") as caught:
        _plugin(Root(root=srv / "git"), Root(root=srv / "none", prefix="none"))

    assert caught.value.key == "roots"
