"""What `gitgate check --online` finds out about the roots."""

import os
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from gitgate_tree import Root, TreePlugin, TreeSettings
from gitgate_tree.defects import Kind, defects
from gitgate_tree.roots import Roots
from gitgate_tree.survey import Asker, Surveyor

from gitgate.plugin import Finding
from gitgate.testing import Probe

Make: TypeAlias = Callable[..., Path]

SOMEBODY = 12_345


def as_others_may(path: str, mode: int) -> bool:
    """What access(2) would say of somebody who is neither the owner nor in the group. (Root, who may run the tests in a
    container, is refused nothing.)"""
    return Path(path).stat().st_mode & mode == mode


def survey(root: Path | None = None, *, clock: Callable[[], float] = lambda: 0.0, **settings: Any) -> list[Finding]:
    """What is found by somebody who owns none of the files. That they are somebody else's is left out."""
    plugin = TreePlugin(TreeSettings(root=root, **settings))
    surveyor = Surveyor(
        plugin._roots,
        plugin._find,
        creates=bool(settings.get("create_on_push")),
        export_ok=bool(settings.get("export_ok")),
        asker=Asker(SOMEBODY, as_others_may),
        clock=clock,
    )
    return [finding for finding in surveyor.findings() if Kind.FOREIGN.value not in finding.text]


def open_to_all(directory: Path) -> Path:
    for place in (directory, *directory.rglob("*")):
        place.chmod(0o777 if place.is_dir() else 0o644)
    return directory


def problem(text: str) -> Finding:
    return Finding(text, is_problem=True)


def test_repositories_are_counted_below_each_root(tmp_path: Path, make: Make) -> None:
    for place in ("git/app", "git/deep/er/app", "git/work", "attic/old", "customer/app"):
        open_to_all(make(tmp_path / place, *([] if place.endswith("work") else ["--bare"])))
    (tmp_path / "git" / "link").symlink_to("app")
    (tmp_path / "empty").mkdir()

    found = survey(
        roots=(
            Root(root=tmp_path / "git"),
            Root(root=tmp_path / "attic", prefix="attic"),
            Root(root=tmp_path / "customer", prefix="customer", hosts=("customer.example",)),
            Root(root=tmp_path / "empty", prefix="empty"),
        )
    )

    assert sorted(found, key=lambda finding: finding.text) == [
        Finding(f"0 repositories below {tmp_path}/empty"),
        Finding(f"1 repository below {tmp_path}/attic"),
        Finding(f"1 repository below {tmp_path}/customer"),
        Finding(f"3 repositories below {tmp_path}/git"),
    ]


def test_the_first_few_are_named_and_the_rest_counted(root: Path) -> None:
    """Thousands of repositories that have the same owner by mistake are one line."""
    for number in range(1_207):
        directory = root / f"{number:04}.git"
        for folder in ("objects", "refs"):
            (directory / folder).mkdir(parents=True)
        (directory / "HEAD").write_text("ref: refs/heads/main\n")
        (directory / "HEAD").chmod(0o600)

    assert survey(root) == [
        Finding(f"1,207 repositories below {root}"),
        problem("1,207 repositories cannot be read: 0000 (HEAD), 0001 (HEAD), 0002 (HEAD) and 1,204 more"),
    ]


@pytest.mark.parametrize("place", ["HEAD", "config", "objects", "objects/pack", "refs", "refs/heads"])
def test_what_a_fetch_reads_and_the_server_may_not_read_is_a_problem(root: Path, make: Make, place: str) -> None:
    directory = open_to_all(make(root / "app.git", "--bare"))
    (directory / place).chmod(0o700)

    assert survey(root) == [
        Finding(f"1 repository below {root}"),
        problem(f"1 repository cannot be read: app ({place})"),
    ]


def test_a_pack_that_root_has_written_for_itself_is_a_problem(root: Path, make: Make, git: Callable[..., str]) -> None:
    """1. `git gc` is run as root, with the umask 077. 2. Only root can read the new pack, and clones fail."""
    directory = make(root / "app.git", "--bare", branch="main")
    git("-C", directory, "repack", "-q", "-a", "-d")
    [pack] = open_to_all(directory).glob("objects/pack/*.pack")
    pack.chmod(0o600)

    [_, found] = survey(root)

    assert found == problem(f"1 repository cannot be read: app (objects/pack/{pack.name})")


@pytest.mark.parametrize("place", ["", "objects", "objects/pack", "objects/0f", "refs", "refs/heads"])
def test_a_folder_that_a_push_writes_and_the_server_may_not_write_is_a_problem(
    root: Path, make: Make, place: str
) -> None:
    """1. Somebody pushes into the folder as root, or runs `git init` there. 2. Later pushes through the server fail:
    "insufficient permission for adding an object"."""
    directory = make(root / "app.git", "--bare")
    (directory / "objects" / "0f").mkdir(exist_ok=True)
    open_to_all(make(root / "other.git", "--bare"))
    (open_to_all(directory) / place).chmod(0o755)

    assert survey(root) == [
        Finding(f"2 repositories below {root}"),
        problem(
            "1 repository cannot be pushed to, because of files that may not be written: app"
            f" ({place or 'the folder itself'})"
        ),
    ]


def test_a_root_of_which_nothing_may_be_written_is_for_reading(root: Path, make: Make) -> None:
    for name in "ab":
        open_to_all(make(root / f"{name}.git", "--bare"))
        for folder in root.rglob("*/"):
            folder.chmod(0o755)

    assert survey(root) == [
        Finding(f"2 repositories below {root}"),
        Finding(f"none below {root} can be pushed to: they may be read, and not written"),
    ]


def test_where_a_push_may_make_repositories_a_root_for_reading_is_a_problem(root: Path, make: Make) -> None:
    open_to_all(make(root / "app.git", "--bare"))
    for folder in (root, *root.rglob("*/")):
        folder.chmod(0o755)

    assert survey(root, create_on_push=True) == [
        Finding(f"1 repository below {root}"),
        problem(f"{root} may not be written, so create_on_push makes nothing in it"),
        problem("1 repository cannot be pushed to, because of files that may not be written: app (the folder itself)"),
    ]


def test_what_looks_like_a_repository_and_is_not_served_is_a_problem(root: Path, make: Make) -> None:
    for name in ("both.git", "both", "broken.git", "app.git"):
        open_to_all(make(root / name, "--bare"))
    (root / "broken.git" / "HEAD").write_text("junk\n")

    assert survey(root) == [
        Finding(f"1 repository below {root}"),
        problem(
            f"3 repositories that cannot be served: {root}/both.git and {root}/both are both repositories, and would"
            f" share a name; rename one, {root}/broken.git is no repository: its HEAD names neither a ref nor an"
            " object and 1 more"
        ),
    ]


def test_what_is_not_served_on_purpose_is_no_problem(root: Path, make: Make, git: Callable[..., str]) -> None:
    work = make(root / "app", "--initial-branch=main", branch="main").parent
    git("-C", work, "worktree", "add", "-q", root / "linked", "-b", "topic")
    (open_to_all(work / ".git") / "git-daemon-export-ok").touch()
    open_to_all(make(root / "private.git", "--bare"))

    assert survey(root, export_ok=True) == [Finding(f"1 repository below {root}")]


def test_a_repository_whose_name_belongs_to_another_root_is_a_problem(tmp_path: Path, make: Make) -> None:
    for place in ("git/attic/app", "attic/app"):
        open_to_all(make(tmp_path / place, "--bare"))

    found = survey(roots=(Root(root=tmp_path / "git"), Root(root=tmp_path / "attic", prefix="attic")))

    assert found == [
        Finding(f"1 repository below {tmp_path}/attic"),
        Finding(f"0 repositories below {tmp_path}/git"),
        problem(f"1 repository that cannot be served: attic/app in {tmp_path}/git, whose name belongs to another root"),
    ]


def test_alternates_that_leave_the_root_are_told(tmp_path: Path, root: Path, make: Make) -> None:
    """1. Somebody clones with --shared from a private repository outside of the root. 2. Whoever may read the clone can
    fetch all objects of the private one by their names."""
    private = open_to_all(make(tmp_path / "private.git", "--bare"))
    inside = open_to_all(make(root / "base.git", "--bare"))
    for name, lines in {
        "far": f"{private}/objects\n",
        "near": f"# shared\n\n../../base.git/objects\n{inside}/objects\n",
        "lost": f"{tmp_path}/lost/objects\n{private}/objects\n",
    }.items():
        directory = open_to_all(make(root / f"{name}.git", "--bare"))
        (directory / "objects" / "info" / "alternates").write_text(lines)

    lacking, borrowing = Kind.LACKING.value, Kind.BORROWING.value
    assert survey(root) == [
        Finding(f"4 repositories below {root}"),
        problem(f"1 repository {lacking}: lost ({tmp_path}/lost/objects)"),
        Finding(f"2 repositories {borrowing}: far ({private}/objects), lost ({tmp_path}/lost/objects)"),
    ]


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_head_that_names_a_missing_branch_is_told(
    root: Path, make: Make, git: Callable[..., str], is_packed: bool
) -> None:
    """As after `git init` with the branch master, and a push of main: a clone warns, and checks nothing out."""
    for branch in ("main", "topic", "fix"):
        directory = make(root / f"{branch}.git", "--bare", "--initial-branch=main", branch=branch)
        if is_packed:
            git("-C", directory, "pack-refs", "--all", "--prune")
        open_to_all(directory)
    open_to_all(make(root / "new.git", "--bare"))
    (open_to_all(make(root / "detached.git", "--bare", branch="main")) / "HEAD").write_text("1" * 40 + "\n")

    assert survey(root) == [
        Finding(f"5 repositories below {root}"),
        Finding(f"2 repositories {Kind.UNBORN_HEAD.value}: fix (refs/heads/main), topic (refs/heads/main)"),
    ]


def test_a_head_that_is_a_link_is_read_as_one(root: Path, make: Make) -> None:
    directory = open_to_all(make(root / "old.git", "--bare", branch="main"))
    (directory / "HEAD").unlink()
    (directory / "HEAD").symlink_to("refs/heads/gone")

    found = list(defects(directory, root, SOMEBODY))

    assert (Kind.UNBORN_HEAD, "refs/heads/gone") in found


def test_owners_are_told_by_name_and_are_no_problem(root: Path, make: Make) -> None:
    plugin = TreePlugin(TreeSettings(root=root))
    directory = open_to_all(make(root / "app.git", "--bare"))
    nobody = 4_000_000_000
    if os.geteuid() == 0:
        os.chown(directory, nobody, -1)
    surveyor = Surveyor(plugin._roots, plugin._find, creates=False, export_ok=False, asker=Asker(SOMEBODY, os.access))

    [_, found] = surveyor.findings()

    assert not found.is_problem
    assert re.fullmatch(r"1 repository of another owner than the user who asks: app \(.+\)", found.text)
    if os.geteuid() == 0:
        assert found.text.endswith(f"app (uid {nobody})")


def test_root_is_told_that_its_rights_are_not_the_servers(root: Path, make: Make) -> None:
    make(root / "app.git", "--bare")
    plugin = TreePlugin(TreeSettings(root=root))
    surveyor = Surveyor(plugin._roots, plugin._find, creates=False, export_ok=False, asker=Asker(0, os.access))

    assert [finding.text for finding in surveyor.findings()] == [
        "asked as root, who may do everything: whether the server may as well, its own user finds out",
        f"1 repository below {root}",
    ]


def test_a_root_too_large_for_the_time_is_looked_at_in_part(root: Path, make: Make) -> None:
    for name in "abc":
        open_to_all(make(root / f"{name}.git", "--bare"))

    assert survey(root, clock=count(0, 20).__next__) == [
        Finding(f"2 repositories below {root}"),
        Finding(f"the rest of {root} is not looked at: it takes more than 45 s"),
    ]


def test_folders_that_are_closed_and_roots_that_are_gone_are_problems(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("git/closed", "gone"):
        (tmp_path / place).mkdir(parents=True)
    roots = (Root(root=tmp_path / "git"), Root(root=tmp_path / "gone", prefix="gone"))
    plugin = TreePlugin(TreeSettings(roots=roots))
    (tmp_path / "gone").rmdir()
    really = Path.lstat

    def closed(path: Path) -> os.stat_result:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(Path, "lstat", closed)

    assert [finding for finding in Probe(plugin).check_online() if "asked as root" not in finding.text] == [
        problem(f"{tmp_path}/gone: No such file or directory"),
        Finding(f"0 repositories below {tmp_path}/git"),
        problem("left out: 'closed': Permission denied; its repositories are not listed"),
    ]


def test_a_survey_changes_nothing_and_reads_no_fifo(root: Path, make: Make) -> None:
    """1. Somebody who can write in the root puts a fifo where a file is read. 2. To open it would wait for ever."""
    directory = open_to_all(make(root / "app.git", "--bare"))
    os.mkfifo(directory / "objects" / "info" / "alternates")
    os.mkfifo(directory / "packed-refs")
    (directory / "HEAD").write_text("ref: refs/heads/gone\n")
    before = sorted(root.rglob("*"))

    found = survey(root)

    assert sorted(root.rglob("*")) == before
    assert found[0] == Finding(f"1 repository below {root}")


def test_roots_are_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    roots = Roots((Root(root=tmp_path / "a", prefix="x", usernames=("x",)),), allow_symlinks=False, export_ok=False)
    assert [tree.root for tree in roots.all] == [tmp_path / "a"]
