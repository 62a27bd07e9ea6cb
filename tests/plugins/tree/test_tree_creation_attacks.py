"""One test for each way in which somebody who may push might make what is not theirs to make."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from gitgate_tree import CreateOnPush, Root, TreePlugin, TreeSettings
from gitgate_tree.creation import Creation
from hooks import answered
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitgate.plugin import ANONYMOUS, Missing, Repository
from gitgate.testing import a_push, an_identity

Make: TypeAlias = Callable[..., Path]

ALICE = an_identity("alice")


def _plugin(root: Path, *names: str) -> TreePlugin:
    return TreePlugin(TreeSettings(root=root, create_on_push=CreateOnPush(names=names or ("**",))))


@pytest.mark.parametrize(
    "path",
    [
        *("/../outside", "/team/../../outside", "//etc/x", "/team//app", "/./app", "/", "", "app", "/app/", "/.app"),
        *(
            "/.git",
            "/team/.git",
            "/app.git.git",
            "/app.git/x",
            "/x.lock",
            "/x.LOCK/app",
            "/app.GIT",
            "/-x",
            "/x/--help",
        ),
        *("/a b", "/a\\b", "/a:b", "/a*", "/~root", "/ü", "/a\x00b", "/a\nb", "/\udcff", "/$(id)", "/a;b", "/%2e%2e/x"),
        *("/" + "x" * 101, "/" + "x/" * 10 + "x", "/..git", "/x/..", "/\u202egpj"),
    ],
    ids=ascii,
)
def test_name_that_is_no_plain_name(root: Path, path: str) -> None:
    """What is served may have any name that the operator gives it; what a client makes has a plain one.

    A name that begins with "-" is an option to some later command, one with ".lock" or ".git" is git's own, and one
    that looks like another's is read by people.
    """
    answer = answered(_plugin(root).resolve_path(ALICE, a_push(path)))

    assert isinstance(answer, Missing)


@pytest.mark.parametrize("path", ["/HEAD/a", "/objects/a", "/refs/a", "/team/HEAD/a", "/team/head/a", "/team/objects"])
def test_folders_that_make_a_git_directory_of_the_one_around_them(root: Path, path: str) -> None:
    """Mallory hides the repositories of a whole team, or of everybody.

    1. She pushes to `team/HEAD/a` and to `team/objects/b`, and the folders are made.
    2. `team` now looks like a git directory, nothing inside which is served. In the root itself, gitgate would not
       start any more.
    """
    answer = answered(_plugin(root).resolve_path(an_identity("mallory"), a_push(path)))

    assert isinstance(answer, Missing)


@pytest.mark.parametrize("path", ["/app/new", "/app/deep/new", "/checkout/new", "/file/new", "/app/objects/new"])
def test_new_repository_inside_of_another(root: Path, make: Make, path: str) -> None:
    """What is made inside a git directory or a work tree is in reach of those who may push to that."""
    make(root / "app", "--bare")
    make(root / "checkout")
    (root / "file").touch()

    assert isinstance(answered(_plugin(root).resolve_path(ALICE, a_push(path))), Missing)


@pytest.mark.parametrize("path", ["/out/new", "/inside/new", "/dangling/new", "/linked", "/plain"])
def test_new_repository_through_a_symbolic_link(tmp_path: Path, root: Path, path: str) -> None:
    """A link leads out of the root, or to where other rules hold; what is made through it would land there."""
    (root / "secret").mkdir()
    (root / "inside").symlink_to("secret")
    (root / "out").symlink_to(tmp_path)
    (root / "dangling").symlink_to(tmp_path / "new-folder")
    (root / "linked.git").symlink_to(tmp_path / "new.git")
    (root / "plain").symlink_to("secret")
    plugin = TreePlugin(TreeSettings(root=root, create_on_push=True, allow_symlinks=True))

    answer = answered(plugin.resolve_path(ALICE, a_push(path)))

    assert isinstance(answer, Missing)


@pytest.mark.parametrize("link", ["team", "team/deep"])
def test_folder_that_becomes_a_link_after_the_look(tmp_path: Path, root: Path, link: str) -> None:
    """The path was looked at, and then a folder of it is replaced by a link out of the root."""
    (root / link).parent.mkdir(exist_ok=True)
    (tmp_path / "elsewhere").mkdir()
    (root / link).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="Not a directory|symbolic links"):
        Creation(CreateOnPush(), export_ok=False).make(root, ("team", "deep", "app"))

    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("taken", ["file", "link", "folder"])
def test_place_that_is_taken_after_the_look(tmp_path: Path, root: Path, taken: str) -> None:
    """The rename must replace nothing that stands there, and follow no link."""
    place = root / "app.git"
    (tmp_path / "elsewhere").mkdir()
    match taken:
        case "file":
            place.write_text("mine")
        case "link":
            place.symlink_to(tmp_path / "elsewhere")
        case "folder":
            place.mkdir()
            (place / "file").write_text("mine")

    Creation(CreateOnPush(), export_ok=False).make(root, ("app",))

    assert (place.is_file(), place.is_symlink(), os.listdir(tmp_path / "elsewhere")) == (
        taken == "file",
        taken == "link",
        [],
    )
    assert [os.listdir(root), (place / "HEAD").exists()] == [["app.git"], False]


@pytest.mark.parametrize("place", ["app.git", "app"])
def test_broken_repository_replaced_by_a_new_one(root: Path, make: Make, place: str) -> None:
    """A repository that cannot be served, for a full disk perhaps, is not a free place."""
    directory = make(root / place, "--bare")
    (directory / "HEAD").write_text("junk")

    assert isinstance(answered(_plugin(root).resolve_path(ALICE, a_push("/app"))), Missing)


def test_ambiguous_name_made_a_third_time(root: Path, make: Make) -> None:
    """Two repositories of one name are served to nobody, and that does not make the name free."""
    make(root / "app.git", "--bare")
    make(root / "app")

    assert isinstance(answered(_plugin(root).resolve_path(ALICE, a_push("/app"))), Missing)


@pytest.mark.parametrize(
    ("user", "path"),
    [
        ("alice", "/users/bob/app"),
        ("alice", "/users/Alice/app"),
        ("alice", "/team/app"),
        ("*", "/users/bob/app"),
        ("**", "/users/bob/app"),
        ("{user}", "/users/bob/app"),
        ("..", "/users/../team/app"),
        ("bob/..", "/users/bob/../app"),
        ("bob/x", "/users/bob/x/app"),
        (".", "/users/./app"),
        ("", "/users//app"),
    ],
)
def test_user_name_that_means_more_than_one_folder(root: Path, user: str, path: str) -> None:
    """`users/{user}/**` is one folder for each user, whatever they are called. (SFTPGo: CVE-2026-30914.)"""
    identity = an_identity(user) if user else ANONYMOUS

    assert isinstance(answered(_plugin(root, "users/{user}/**").resolve_path(identity, a_push(path))), Missing)


def test_nobody_called_anonymous(root: Path) -> None:
    """Who has not logged in is nobody, and has no folder of that name."""
    answer = answered(_plugin(root, "users/{user}/**").resolve_path(ANONYMOUS, a_push("/users/anonymous/app")))

    assert answer == Missing(
        f"no repository at {root}/users, and none is made: create_on_push.names has no pattern for users/anonymous/app"
    )


def test_name_of_another_root_made_in_this_one(tmp_path: Path, root: Path) -> None:
    """What belongs to a tenant's name cannot be made in the root for everybody, which would come first some day."""
    (tmp_path / "customer").mkdir()
    tenant = Root(root=tmp_path / "customer", prefix="customer", hosts=("customer.example",))
    plugin = TreePlugin(TreeSettings(roots=(Root(root=root), tenant), create_on_push=True))

    answer = answered(plugin.resolve_path(ALICE, a_push("/customer/app", host="git.example.org")))

    assert answer == Missing("customer/app is in a root for other hosts or user names")


def test_environment_that_tells_git_where_to_work(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """gitgate may have been started from a hook or a shell, whose GIT_DIR or configuration is nobody's business."""
    config = tmp_path / "gitconfig"
    config.write_text("[init]\n\tdefaultObjectFormat = sha256\n[core]\n\tsharedRepository = all\n")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere.git"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    plugin = _plugin(root)
    request = a_push("/app")
    promised = answered(plugin.resolve_path(ALICE, request))
    assert isinstance(promised, Repository)

    plugin.create_repository(ALICE, request, promised)

    assert sorted(os.listdir(tmp_path)) == ["gitconfig", "srv"]
    assert "shared" not in (root / "app.git" / "config").read_text()


SEGMENTS = [
    "",
    ".",
    "..",
    ".git",
    "app",
    "app.git",
    "work",
    "link",
    "out",
    "HEAD",
    "objects",
    "new",
    "new.git",
    "a\x00",
]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.lists(st.sampled_from(SEGMENTS) | st.text(max_size=5), max_size=5).map("/".join).map("/{}".format))
def test_whatever_is_asked_for_is_made_below_the_root_where_nothing_is(
    path: str, crowd: TreePlugin, root: Path
) -> None:
    answer = answered(crowd.resolve_path(ALICE, a_push(path)))

    if isinstance(answer, Repository) and not answer.exists:
        assert answer.directory == root / f"{answer.name}.git"
        assert answer.directory.parent.resolve() == answer.directory.parent
        assert not os.path.lexists(answer.directory)


@pytest.fixture
def crowd(tmp_path: Path, root: Path, make: Make) -> TreePlugin:
    make(root / "app.git", "--bare")
    make(root / "work")
    (root / "link").symlink_to("work")
    (root / "out").symlink_to(tmp_path)
    return _plugin(root)
