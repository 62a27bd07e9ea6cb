"""What is served, and what it is called."""

import os
from collections.abc import Callable
from errno import EACCES, EIO
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from gitgate_tree import TreePlugin, TreeSettings

from gitgate.plugin import Missing, Repository, SettingsError

Ask: TypeAlias = Callable[..., Repository | Missing]
Git: TypeAlias = Callable[..., str]
Make: TypeAlias = Callable[..., Path]
Serve: TypeAlias = Callable[..., Ask]


@pytest.mark.parametrize("path", ["/team/app", "/team/app.git"])
@pytest.mark.parametrize(
    ("place", "options"),
    [
        ("team/app.git", ["--bare"]),
        ("team/app", ["--bare"]),
        ("team/app", []),
        ("team/app.git", []),
        ("team/app.git", ["--bare", "--object-format=sha256"]),
    ],
)
def test_a_repository_has_one_name_wherever_it_stands_and_however_it_is_asked_for(
    root: Path, make: Make, ask: Ask, place: str, options: list[str], path: str
) -> None:
    directory = make(root / place, *options)

    answer = ask(path)

    assert answer == Repository(directory=directory, name="team/app")


@pytest.mark.parametrize("name", ["app", "a/b/c/d/e", 'über uns/it\'s "here"', "v1.0", "-force", "a\\b", "日本"])
def test_a_repository_may_stand_at_any_depth_and_have_any_printable_name(
    root: Path, make: Make, ask: Ask, name: str
) -> None:
    directory = make(root / f"{name}.git", "--bare")

    answer = ask(f"/{name}")

    assert answer == Repository(directory=directory, name=name)


def test_a_folder_may_stand_beside_a_repository_of_the_same_name(root: Path, make: Make, ask: Ask) -> None:
    team = make(root / "team.git", "--bare")
    app = make(root / "team" / "app.git", "--bare")

    answers = [ask("/team"), ask("/team/app")]

    assert answers == [Repository(directory=team, name="team"), Repository(directory=app, name="team/app")]


def test_a_linked_work_tree_beside_its_bare_repository_does_not_hide_it(
    root: Path, make: Make, git: Git, ask: Ask
) -> None:
    bare = make(root / "app.git", "--bare", branch="main")
    git("-C", bare, "worktree", "add", "--quiet", root / "app", "main")

    answer = ask("/app")

    assert answer == Repository(directory=bare, name="app")


def test_a_root_may_be_the_work_tree_of_a_repository_of_its_own(root: Path, make: Make, ask: Ask) -> None:
    make(root)
    app = make(root / "app.git", "--bare")

    assert ask("/app") == Repository(directory=app, name="app")


def test_a_root_that_is_a_symbolic_link_is_the_folder_it_leads_to(
    tmp_path: Path, root: Path, make: Make, serve: Serve
) -> None:
    directory = make(root / "app.git", "--bare")
    (tmp_path / "link").symlink_to(root)
    ask = serve(tmp_path / "link")

    assert ask("/app") == Repository(directory=directory, name="app")


def test_head_may_be_a_symbolic_link_as_old_versions_of_git_made_it(
    root: Path, make: Make, ask: Ask, git_serves: Callable[[Path], str]
) -> None:
    directory = make(root / "app.git", "--bare")
    (directory / "HEAD").unlink()
    (directory / "HEAD").symlink_to("refs/heads/master")
    assert git_serves(directory)

    assert ask("/app") == Repository(directory=directory, name="app")


def test_head_may_be_detached(root: Path, make: Make, git: Git, ask: Ask) -> None:
    directory = make(root / "app", "--object-format=sha256", branch="main")
    git("-C", directory, "update-ref", "--no-deref", "HEAD", "refs/heads/main")
    git("-C", root / "app", "checkout", "--quiet", "--detach", "refs/heads/main")

    assert ask("/app") == Repository(directory=directory, name="app")


def test_a_repository_with_a_file_for_its_heads_is_served(root: Path, make: Make, ask: Ask) -> None:
    """What git makes with --ref-format=reftable, which the git of Debian 12 cannot make yet."""
    directory = make(root / "app.git", "--bare")
    (directory / "refs" / "heads").rmdir()
    (directory / "refs" / "heads").write_text("this repository uses the reftable format\n")
    (directory / "HEAD").write_text("ref: refs/heads/.invalid\n")
    (directory / "reftable").mkdir()

    assert ask("/app") == Repository(directory=directory, name="app")


@pytest.mark.parametrize("path", ["/alias", "/alias.git", "/folder/app", "/self/secret/app"])
def test_a_symbolic_link_inside_the_root_finds_the_repository_under_its_own_name(
    root: Path, make: Make, ask: Ask, path: str
) -> None:
    directory = make(root / "secret" / "app.git", "--bare")
    (root / "alias.git").symlink_to("secret/app.git")
    (root / "folder").symlink_to(root / "secret")
    (root / "self").symlink_to(".")

    assert ask(path) == Repository(directory=directory, name="secret/app")


def test_a_work_tree_whose_git_directory_is_a_link_is_the_repository_it_leads_to(
    root: Path, make: Make, ask: Ask
) -> None:
    directory = make(root / "store" / "app.git", "--bare")
    (root / "app").mkdir()
    (root / "app" / ".git").symlink_to("../store/app.git")

    assert ask("/app") == Repository(directory=directory, name="store/app")


@pytest.mark.parametrize("path", ["/mirrors/app", "/mirrors/app.git", "/linked", "/linked.git"])
def test_with_allow_symlinks_a_link_may_leave_the_root_and_names_what_it_leads_to(
    tmp_path: Path, root: Path, make: Make, ask: Ask, path: str
) -> None:
    directory = make(tmp_path / "elsewhere" / "app.git", "--bare")
    (root / "mirrors").symlink_to(tmp_path / "elsewhere")
    (root / "linked.git").symlink_to(directory)

    answer = ask(path, allow_symlinks=True)

    assert answer == Repository(directory=directory, name=path[1:].removesuffix(".git"))


def test_with_allow_symlinks_a_repository_may_keep_its_objects_elsewhere(
    tmp_path: Path, root: Path, make: Make, ask: Ask
) -> None:
    directory = make(root / "app.git", "--bare")
    (directory / "objects").rename(tmp_path / "big-disk")
    (directory / "objects").symlink_to(tmp_path / "big-disk")

    answers = [ask("/app", allow_symlinks=True), ask("/app")]

    assert answers == [
        Repository(directory=directory, name="app"),
        Missing(f"{directory}/objects is a symbolic link, which allow_symlinks would follow"),
    ]


@pytest.mark.parametrize(
    ("path", "nothing"), [("/none", "none"), ("/none.git", "none"), ("/team/none", "team/none"), ("/no/app", "no")]
)
def test_where_nothing_is_the_reason_says_where(root: Path, ask: Ask, path: str, nothing: str) -> None:
    (root / "team").mkdir()

    assert ask(path) == Missing(f"no repository at {root / nothing}")


def test_a_file_in_the_way_is_no_repository(root: Path, ask: Ask) -> None:
    (root / "notes").write_text("no repository")

    assert [ask("/notes"), ask("/notes/app")] == [
        Missing(f"no repository at {root}/notes"),
        Missing(f"no repository at {root}/notes/app"),
    ]


@pytest.mark.parametrize("path", ["/" + "a" * 300, "/a" * 3000, "/loop", "/loop/app", "/dangling"])
def test_what_the_file_system_cannot_hold_is_missing(root: Path, ask: Ask, path: str) -> None:
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")

    assert isinstance(ask(path), Missing)


def test_the_root_itself_is_not_served(root: Path, make: Make, ask: Ask) -> None:
    make(root)

    assert ask("/") == Missing("the root itself is not served; ask for a repository below it")


def close(monkeypatch: pytest.MonkeyPatch, place: Path, error: int = EACCES) -> None:
    """Nothing in `place` can be looked at or opened. Injected: nothing is closed to root, who may run the tests."""
    look, read = Path.lstat, Path.open

    def closed_look(path: Path) -> os.stat_result:
        if place in path.parents:
            raise OSError(error, os.strerror(error), str(path))
        return look(path)

    def closed_read(path: Path, mode: str) -> Any:
        if path == place:
            raise OSError(error, os.strerror(error), str(path))
        return read(path, mode)

    monkeypatch.setattr(Path, "lstat", closed_look)
    monkeypatch.setattr(Path, "open", closed_read)


@pytest.mark.parametrize(
    ("closed", "path"),
    [("team/app.git", "/team/app"), ("team/app.git/HEAD", "/team/app"), ("team", "/team/app"), ("team", "/team/none")],
)
def test_that_something_stands_where_gitgate_may_not_look_is_told_to_the_operator_alone(
    root: Path,
    make: Make,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    closed: str,
    path: str,
) -> None:
    """1. Ask for one name after the other, without a login. 2. Where nothing is, you are asked to log in. 3. To be told
    of an outage would say that something is there.
    """
    make(root / "team" / "app.git", "--bare")
    ask = serve(root)
    close(monkeypatch, root / closed)

    assert ask(path) == Missing(f"{root / closed} cannot be read: Permission denied")
    assert caplog.messages == [
        f"{root / closed}: Permission denied; gitgate runs as the user with id {os.geteuid()}, who may not read it [r1]"
    ]


@pytest.mark.parametrize(("closed", "error"), [(".", EACCES), ("..", EACCES), ("app.git", EIO)])
def test_a_closed_root_and_a_disk_that_fails_are_outages_and_no_answers(
    root: Path, make: Make, serve: Serve, monkeypatch: pytest.MonkeyPatch, closed: str, error: int
) -> None:
    make(root / "app.git", "--bare")
    ask = serve(root)
    close(monkeypatch, Path(os.path.normpath(root / closed)), error)

    with pytest.raises(OSError, match=os.strerror(error)):
        ask("/app")


def test_a_root_that_went_away_is_an_outage_and_not_an_answer(root: Path, serve: Serve) -> None:
    ask = serve(root)
    root.rmdir()

    with pytest.raises(FileNotFoundError):
        ask("/app")


def test_a_root_that_is_not_there_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match="No such file or directory; name a folder that gitgate can enter"
    ) as caught:
        TreePlugin(TreeSettings(root=tmp_path / "none"))

    assert caught.value.key == "root"


def test_a_root_that_is_a_file_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match="is not a directory; name the folder that holds the repos") as caught:
        TreePlugin(TreeSettings(root=tmp_path / "file"))

    assert caught.value.key == "root"


def test_a_root_that_is_a_bare_repository_is_refused_at_start(root: Path, make: Make) -> None:
    app = make(root / "app.git", "--bare")

    with pytest.raises(SettingsError, match="is itself a repository; name the folder that holds it") as caught:
        TreePlugin(TreeSettings(root=app))

    assert caught.value.key == "root"
