"""`export_ok`, and the list of repositories."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from gitgate_tree import Root, TreePlugin, TreeSettings
from gitgate_tree.tree import Tree
from gitgate_tree.walk import names_below
from hooks import answered

from gitgate.plugin import ANONYMOUS, Missing, Repository
from gitgate.testing import a_fetch, a_push

Ask: TypeAlias = Callable[..., Repository | Missing]
Make: TypeAlias = Callable[..., Path]


def _list(root: Path, **settings: Any) -> list[str]:
    return list(TreePlugin(TreeSettings(root=root, **settings)).list_repositories(ANONYMOUS))


@pytest.mark.parametrize(("place", "options"), [("app.git", ["--bare"]), ("app", [])])
def test_with_export_ok_a_repository_is_served_once_it_is_marked(
    root: Path, make: Make, ask: Ask, place: str, options: list[str]
) -> None:
    directory = make(root / place, *options)
    (root / "git-daemon-export-ok").touch()
    before = ask("/app", export_ok=True)

    (directory / "git-daemon-export-ok").touch()

    assert before == Missing(f"{directory} has no file git-daemon-export-ok, and export_ok wants one")
    assert ask("/app", export_ok=True) == Repository(directory=directory, name="app")


def test_mark_in_the_work_tree_that_was_pushed(root: Path, make: Make, ask: Ask) -> None:
    """The mark is the operator's. A file of that name that is pushed stands in the work tree, and marks nothing."""
    directory = make(root / "app")
    (root / "app" / "git-daemon-export-ok").touch()

    assert ask("/app", export_ok=True) == Missing(
        f"{directory} has no file git-daemon-export-ok, and export_ok wants one"
    )


def test_a_mark_that_is_a_link_to_nothing_marks_nothing(root: Path, make: Make, ask: Ask) -> None:
    """git daemon asks access(2), which follows links."""
    directory = make(root / "app.git", "--bare")
    (directory / "git-daemon-export-ok").symlink_to("nowhere")

    assert isinstance(ask("/app", export_ok=True), Missing)


def test_hidden_repository_replaced_by_create_on_push(root: Path, make: Make) -> None:
    """What export_ok hides is there all the same, and a push that creates must not find its place free."""
    make(root / "app.git", "--bare")
    make(root / "work")
    plugin = TreePlugin(TreeSettings(root=root, export_ok=True, create_on_push=True))

    answers = [answered(plugin.resolve_path(ANONYMOUS, a_push(path))) for path in ("/app", "/work")]

    assert [type(answer) for answer in answers] == [Missing, Missing]


def test_the_list_has_what_is_served_and_nothing_else(tmp_path: Path, root: Path, make: Make) -> None:
    for bare in ("app.git", "team/deep/er/app", "both.git", "broken.git", ".hidden.git", "x.git.git", "team.git"):
        make(root / bare, "--bare")
    for work_tree in ("both", "work"):
        make(root / work_tree)
    make(root / "work" / "planted.git", "--bare")
    make(root / "app.git" / "modules" / "library.git", "--bare")
    (root / "broken.git" / "HEAD").write_text("junk")
    make(tmp_path / "outside.git", "--bare")
    (root / "out").symlink_to(tmp_path)
    (root / "self").symlink_to(".")
    (root / "link.git").symlink_to("app.git")
    (root / "notes").touch()

    assert _list(root) == ["/app", "/team", "/team/deep/er/app", "/work"]


def test_with_allow_symlinks_the_list_follows_links_that_leave_the_root(tmp_path: Path, root: Path, make: Make) -> None:
    make(root / "app.git", "--bare")
    outside = make(tmp_path / "elsewhere" / "team" / "far.git", "--bare")
    (root / "linked.git").symlink_to(outside)
    (root / "mirrors").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "home").symlink_to(root)
    (root / "dangling").symlink_to("nowhere")

    assert _list(root, allow_symlinks=True) == ["/app", "/linked", "/mirrors/team/far"]


def test_the_list_leaves_out_what_is_not_marked_for_export(root: Path, make: Make) -> None:
    make(root / "hidden.git", "--bare")
    (make(root / "shown.git", "--bare") / "git-daemon-export-ok").touch()

    assert _list(root, export_ok=True) == ["/shown"]


def test_the_list_has_prefixes_and_leaves_tenants_and_aliases_out(tmp_path: Path, make: Make) -> None:
    for place in ("git/app", "git/attic/hidden", "git/old", "attic/app", "customer/app"):
        make(tmp_path / f"{place}.git", "--bare")
    plugin = TreePlugin(
        TreeSettings(
            roots=(
                Root(root=tmp_path / "git"),
                Root(root=tmp_path / "attic", prefix="attic"),
                Root(root=tmp_path / "customer", prefix="customer", hosts=("customer.example",)),
            ),
            aliases={"old": "app"},
        )
    )

    listed = plugin.list_repositories(ANONYMOUS)

    assert listed == ["/app", "/attic/app"]
    found = [answered(plugin.resolve_path(ANONYMOUS, a_fetch(path, host=None))) for path in listed]
    assert [f"/{answer.name}" for answer in found if isinstance(answer, Repository)] == listed


def test_the_list_ends_where_a_root_holds_too_much(root: Path, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    for name in "abc":
        make(root / f"{name}.git", "--bare")

    names = list(names_below(Tree(root), most_entries=2))

    assert names == [("a",), ("b",)]
    assert caplog.messages == [f"{root} holds more than 2 entries; the rest is not listed"]


def test_a_folder_that_cannot_be_read_is_left_out_of_the_list(
    root: Path, make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Injected, as no folder is closed to root, who runs the tests in a container."""
    make(root / "app.git", "--bare")
    for name in ("closed", "lost+found"):  # nobody wants to hear of the latter, which is fsck's
        (root / name).mkdir()
    really = os.listdir

    def closed(path: Path) -> list[str]:
        if path.name in ("closed", "lost+found"):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(os, "listdir", closed)

    assert _list(root) == ["/app"]
    assert caplog.messages == ["'closed': Permission denied; its repositories are not listed"]


def test_a_folder_whose_inside_is_closed_is_left_out_of_the_list(
    root: Path, make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without the right to search it (x): one of them, of whoever may write in the root, left nothing listed
    at all. Injected, as above."""
    make(root / "app.git", "--bare")
    for name in ("closed", "lost+found"):
        (root / name).mkdir()
    really = Path.lstat

    def closed(path: Path) -> os.stat_result:
        if path.parent.name in ("closed", "lost+found"):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(Path, "lstat", closed)

    assert _list(root) == ["/app"]
    assert caplog.messages == ["'closed': Permission denied; its repositories are not listed"]


def test_a_root_that_went_away_has_no_list(root: Path) -> None:
    plugin = TreePlugin(TreeSettings(root=root))
    root.rmdir()

    with pytest.raises(FileNotFoundError):
        plugin.list_repositories(ANONYMOUS)
