"""Repositories that a push makes."""

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
from gitgate_tree import CreateOnPush, Root, TreePlugin, TreeSettings
from gitgate_tree.creation import Creation, CreationFailed
from hooks import answered

from gitgate.plugin import Access, GitRequest, Identity, Missing, Repository, Service, SettingsError
from gitgate.testing import a_fetch, a_push, an_identity

Git: TypeAlias = Callable[..., str]
Make: TypeAlias = Callable[..., Path]

ALICE = an_identity("alice")


def _plugin(root: Path, create: bool | CreateOnPush = True, *, export_ok: bool = False) -> TreePlugin:
    return TreePlugin(TreeSettings(root=root, create_on_push=create, export_ok=export_ok))


def _promised(plugin: TreePlugin, request: GitRequest, identity: Identity = ALICE) -> Repository:
    answer = answered(plugin.resolve_path(identity, request))
    assert isinstance(answer, Repository), answer
    return answer


def _create(plugin: TreePlugin, request: GitRequest, identity: Identity = ALICE) -> Repository | None:
    promised = _promised(plugin, request, identity)
    return plugin.create_repository(identity, replace(request, access=Access.CREATE), promised)


def _a_git(folder: Path, script: str) -> Path:
    """A program in place of git, whose seventh argument is the folder to make the repository in."""
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("path", ["/team/app", "/team/app.git"])
def test_a_push_to_nothing_is_promised_a_repository_and_nothing_is_made_yet(root: Path, path: str) -> None:
    answer = answered(_plugin(root).resolve_path(ALICE, a_push(path)))

    assert answer == Repository(directory=root / "team" / "app.git", name="team/app", exists=False)
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("service", [Service.UPLOAD_PACK, Service.UPLOAD_ARCHIVE, Service.LFS_DOWNLOAD])
def test_a_read_makes_nothing(root: Path, service: Service) -> None:
    answer = answered(_plugin(root).resolve_path(ALICE, a_fetch("/app", service=service)))

    assert answer == Missing(f"no repository at {root}/app")


def test_without_create_on_push_nothing_is_made(root: Path) -> None:
    plugin = _plugin(root, create=False)
    promised = Repository(directory=root / "app.git", name="app", exists=False)

    answers = [
        answered(plugin.resolve_path(ALICE, a_push("/app"))),
        plugin.create_repository(ALICE, a_push("/app"), promised),
    ]

    assert answers == [Missing(f"no repository at {root}/app"), None]
    assert list(root.iterdir()) == []


def test_what_is_there_is_pushed_to_and_not_made_again(root: Path, make: Make) -> None:
    directory = make(root / "app.git", "--bare", branch="main")

    assert answered(_plugin(root).resolve_path(ALICE, a_push("/app"))) == Repository(directory=directory, name="app")


def test_the_repository_is_made_with_the_folders_on_the_way(root: Path, git: Git) -> None:
    plugin = _plugin(root, CreateOnPush(default_branch="release/trunk"))
    request = a_push("/team/deep/app")

    made = _create(plugin, request)

    directory = root / "team" / "deep" / "app.git"
    assert made == Repository(directory=directory, name="team/deep/app")
    assert answered(plugin.resolve_path(ALICE, a_fetch("/team/deep/app"))) == made
    assert git("-C", directory, "symbolic-ref", "HEAD") == "refs/heads/release/trunk\n"
    assert git("-C", directory, "rev-parse", "--is-bare-repository") == "true\n"
    assert sorted(os.listdir(directory)) == ["HEAD", "config", "objects", "refs"]
    assert os.listdir(directory.parent) == ["app.git"]
    modes = {stat.S_IMODE(folder.stat().st_mode) & ~0o755 for folder in (directory, *directory.parents[:2])}
    assert modes == {0}


def test_the_template_is_copied_into_it(tmp_path: Path, root: Path) -> None:
    (tmp_path / "template" / "hooks").mkdir(parents=True)
    (tmp_path / "template" / "hooks" / "pre-receive").write_text("#!/bin/sh\n")
    plugin = _plugin(root, CreateOnPush(template=tmp_path / "template"))

    _create(plugin, a_push("/app"))

    assert (root / "app.git" / "hooks" / "pre-receive").read_text() == "#!/bin/sh\n"


def test_with_export_ok_it_is_marked_for_export(root: Path) -> None:
    plugin = _plugin(root, export_ok=True)

    made = _create(plugin, a_push("/app"))

    assert answered(plugin.resolve_path(ALICE, a_fetch("/app"))) == made


def test_a_tenants_repository_is_made_in_the_tenants_root(tmp_path: Path, root: Path) -> None:
    (tmp_path / "customer").mkdir()
    tenant = Root(root=tmp_path / "customer", prefix="customer", hosts=("customer.example",))
    settings = TreeSettings(roots=(Root(root=root), tenant), create_on_push=CreateOnPush(names=("customer/**",)))
    plugin = TreePlugin(settings)

    made = _create(plugin, a_push("/app", host="customer.example"))

    assert made == Repository(directory=tmp_path / "customer" / "app.git", name="customer/app")
    assert isinstance(answered(plugin.resolve_path(ALICE, a_push("/customer/app", host=None))), Missing)


def test_a_repository_that_another_plugin_promised_is_left_to_it(root: Path) -> None:
    theirs = Repository(directory=Path("/elsewhere/app.git"), name="app", exists=False)

    assert _plugin(root).create_repository(ALICE, a_push("/app"), theirs) is None


def test_a_folder_may_stand_beside_what_is_made_and_the_other_way_round(root: Path) -> None:
    plugin = _plugin(root)

    made = [_create(plugin, a_push(path)) for path in ("/team/app", "/team", "/team/app/more")]

    assert made == [
        Repository(directory=root / "team" / "app.git", name="team/app"),
        Repository(directory=root / "team.git", name="team"),
        Repository(directory=root / "team" / "app" / "more.git", name="team/app/more"),
    ]


def test_two_at_once_get_the_same_repository(root: Path) -> None:
    """Both have been promised it, and both make it; one of them is first."""
    plugin = _plugin(root)
    request = a_push("/team/app")
    promised = _promised(plugin, request)
    start = threading.Barrier(4)
    made: list[Repository | None] = []

    def make_it() -> None:
        start.wait()
        made.append(plugin.create_repository(ALICE, request, promised))

    threads = [threading.Thread(target=make_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made == [replace(promised, exists=True)] * 4
    assert os.listdir(root / "team") == ["app.git"]


def test_what_somebody_has_made_meanwhile_stays_as_it_is(root: Path, make: Make, git: Git) -> None:
    """The slower of the two: git is running when the place is taken."""
    directory = make(root / "app.git", "--bare", branch="theirs")

    Creation(CreateOnPush(), export_ok=False).make(root, ("app",))

    assert git("-C", directory, "branch", "--list").strip() == "theirs"
    assert os.listdir(root) == ["app.git"]


def test_where_git_fails_nothing_is_left_behind(tmp_path: Path, root: Path) -> None:
    git = _a_git(tmp_path, 'mkdir "$7/objects"; echo "fatal: disk full" >&2; exit 128')
    plugin = _plugin(root, CreateOnPush(git=git))

    with pytest.raises(CreationFailed, match="git init: fatal: disk full"):
        _create(plugin, a_push("/app"))

    assert os.listdir(root) == []


def test_what_would_not_be_served_is_not_put_into_its_place(tmp_path: Path, root: Path) -> None:
    plugin = _plugin(root, CreateOnPush(git=_a_git(tmp_path, 'touch "$7/HEAD"')))

    with pytest.raises(CreationFailed, match="has made no repository; look at what the template brings along"):
        _create(plugin, a_push("/app"))

    assert os.listdir(root) == []


def test_a_place_that_something_else_takes_meanwhile_is_a_failure(tmp_path: Path, root: Path) -> None:
    git = _a_git(tmp_path, 'cd "$7"; mkdir objects refs; echo ref: refs/heads/main >HEAD; echo mine >../app.git')
    plugin = _plugin(root, CreateOnPush(git=git))

    with pytest.raises(CreationFailed, match="something else took the place of .*app.git: no repository at"):
        _create(plugin, a_push("/app"))

    assert (root / "app.git").read_text() == "mine\n"
    assert os.listdir(root) == ["app.git"]


def test_what_cannot_make_repositories_is_refused_at_start(tmp_path: Path, root: Path) -> None:
    for settings, words in [
        (CreateOnPush(git=tmp_path / "git"), "no such program"),
        (CreateOnPush(template=tmp_path / "none"), "is not a folder"),
    ]:
        with pytest.raises(SettingsError, match=words) as caught:
            _plugin(root, settings)
        assert caught.value.key == "create_on_push"


@pytest.mark.parametrize(
    "branch", ["", "-x", "a..b", "a.lock", "x/.y", "a b", "a/", "/a", "a//b", "a\n", "@{-1}", "a."]
)
def test_a_default_branch_that_git_would_not_take_is_refused(branch: str) -> None:
    with pytest.raises(SettingsError, match="is no name for a branch") as caught:
        CreateOnPush(default_branch=branch)

    assert caught.value.key == "default_branch"
