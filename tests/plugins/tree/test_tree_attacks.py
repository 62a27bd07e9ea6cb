"""One test for each way in which somebody might reach a repository, or a name, that is not theirs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from gitgate.plugin import Missing, Repository

Answer: TypeAlias = Repository | Missing
Ask: TypeAlias = Callable[..., Answer]
Git: TypeAlias = Callable[..., str]
GitServes: TypeAlias = Callable[[Path], str]
Make: TypeAlias = Callable[..., Path]


@pytest.mark.parametrize(
    "path",
    [
        "/../outside",
        "/team/../../outside",
        "/team/../../../srv/outside.git",
        "/..",
        "/.",
        "/./team/app",
        "/team/./app",
        "/team//app",
        "//team/app",
        "/team/app/",
        "/team/app.git/",
        "/team/\x00/app",
        "/team/app\x00.git",
        "/team/app\n",
        "/team/\udcff",
        "/\ud800/app",
        "team/app",
        "../outside",
        "",
        "//",
    ],
)
def test_dot_dot_traversal(root: Path, make: Make, ask: Ask, path: str) -> None:
    """A path climbs out of the root, or is another spelling of one that rules are written for.

    1. The transport is to refuse such paths. Suppose that one day one of them slips through.
    2. The plugin joins it to the root, and finds `srv/outside.git`.
    """
    make(root / "team" / "app.git", "--bare")
    make(root.parent / "outside.git", "--bare")

    assert isinstance(ask(path), Missing)


@pytest.mark.parametrize("path", ["/etc", "//etc", "{outside}", "/{outside}"])
def test_absolute_path_replaces_the_root(root: Path, make: Make, ask: Ask, path: str) -> None:
    """`root / "/etc"` is `/etc`: a path that is absolute once more wins over the folder that it is joined to."""
    outside = make(root.parent / "outside.git", "--bare")

    assert isinstance(ask(path.format(outside=outside)), Missing)


@pytest.mark.parametrize("path", ["/-old/app", "/link", "/folder/app"])
def test_sibling_whose_name_begins_like_the_root(root: Path, make: Make, ask: Ask, path: str) -> None:
    """`srv/git-old` is not inside `srv/git`, though its name, read as a string, begins with it.

    1. The operator moved old repositories to `srv/git-old`, and left a link to them.
    2. A check by string prefix would call what the link leads to "inside the root".
    """
    sibling = root.parent / "git-old"
    make(sibling / "app.git", "--bare")
    (root / "link.git").symlink_to(sibling / "app.git")
    (root / "folder").symlink_to(sibling)

    assert isinstance(ask(path), Missing)


@pytest.mark.parametrize(
    ("path", "link"), [("/linked", "linked.git"), ("/folder/private", "folder/private.git"), ("/work", "work/.git")]
)
def test_symbolic_link_out_of_the_root(tmp_path: Path, root: Path, make: Make, ask: Ask, path: str, link: str) -> None:
    """Somebody who may write somewhere below the root makes a link to a repository elsewhere on the machine."""
    private = make(tmp_path / "home" / "private.git", "--bare")
    (root / "linked.git").symlink_to(private)
    (root / "folder").symlink_to(private.parent)
    (root / "work").mkdir()
    (root / "work" / ".git").symlink_to(private)

    answer = ask(path)

    assert answer == Missing(
        f"{root / link} leaves the root through a symbolic link, which allow_symlinks would follow"
    )


def test_symbolic_link_as_a_second_name(root: Path, make: Make, ask: Ask) -> None:
    """Rules deny `secret/**`; `public/app.git` is a link to `../secret/app.git`.

    Asked for as `public/app`, it must still be called `secret/app`, or the rule does not hold.
    """
    secret = make(root / "secret" / "app.git", "--bare")
    (root / "public").mkdir()
    (root / "public" / "app.git").symlink_to("../secret/app.git")

    assert ask("/public/app") == Repository(directory=secret, name="secret/app")


@pytest.mark.parametrize("target", ["app.git/modules/library", "tree/planted.git", ".hidden/app.git"])
@pytest.mark.parametrize("allow_symlinks", [False, True])
def test_symbolic_link_to_what_has_no_name_of_its_own(
    root: Path, make: Make, ask: Ask, target: str, allow_symlinks: bool
) -> None:
    """What is refused by its own path is refused through a link as well: a link is no more than another way to ask."""
    make(root / "app.git", "--bare")
    make(root / "tree")
    make(root / target, "--bare")
    (root / "link.git").symlink_to(target)

    assert isinstance(ask("/link", allow_symlinks=allow_symlinks), Missing)


def test_objects_borrowed_through_a_link(root: Path, make: Make, ask: Ask) -> None:
    """A repository of one's own, whose `objects` is a link to those of another.

    1. Rules allow `mine/**` and deny `secret/**`; both are below the root.
    2. `mine/app.git/objects` is a link to `secret/app.git/objects`, and its refs name what is in there.
    3. To clone `mine/app` is to clone `secret/app`.
    """
    make(root / "secret" / "app.git", "--bare")
    mine = make(root / "mine" / "app.git", "--bare")
    (mine / "objects").rename(root / "unused")
    (mine / "objects").symlink_to(root / "secret" / "app.git" / "objects")

    assert ask("/mine/app") == Missing(f"{mine}/objects is a symbolic link, which allow_symlinks would follow")


def test_commondir_borrows_another_repository(
    tmp_path: Path, root: Path, make: Make, ask: Ask, git_serves: GitServes
) -> None:
    """A `commondir` file makes git take refs and objects from somewhere else.

    1. `trap.git` looks like a repository: HEAD, objects and refs are there.
    2. Its `commondir` names a repository outside the root, and that is what git serves.
    """
    private = make(tmp_path / "private.git", "--bare", branch="private-branch")
    trap = make(root / "trap.git", "--bare")
    (trap / "commondir").write_text(f"{private}\n")
    assert "private-branch" in git_serves(trap)

    answer = ask("/trap")

    assert answer == Missing(f"{trap} has a commondir file: git would serve the repository that it points to")


def test_gitfile_leads_out_of_the_root(tmp_path: Path, root: Path, make: Make, ask: Ask, git_serves: GitServes) -> None:
    """A `.git` that is a file with "gitdir: /somewhere/else", which git follows."""
    private = make(tmp_path / "private.git", "--bare", branch="private-branch")
    (root / "app").mkdir()
    (root / "app" / ".git").write_text(f"gitdir: {private}\n")
    assert "private-branch" in git_serves(root / "app")

    answer = ask("/app")

    assert answer == Missing(f"{root}/app/.git is a file (a linked work tree or a submodule), which is not followed")


def test_linked_work_tree_and_submodule_are_not_repositories_of_their_own(
    tmp_path: Path, root: Path, make: Make, git: Git, ask: Ask
) -> None:
    """`git worktree add` and `git submodule add` make gitfiles: the repository they lead to has another name."""
    library = make(tmp_path / "library.git", "--bare", branch="main")
    git("-C", library, "symbolic-ref", "HEAD", "refs/heads/main")
    app = make(root / "app", branch="main")
    git("-C", app.parent, "worktree", "add", "--quiet", "-b", "topic", root / "topic", "main")
    git("-C", app.parent, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library, "library")

    answers = {
        path: ask(path) for path in ["/topic", "/app/library", "/app/.git/modules/library", "/app/.git/worktrees/topic"]
    }

    hidden = "the path has the segment '.git', and such names are not served"
    assert answers == {
        "/topic": Missing(f"{root}/topic/.git is a file (a linked work tree or a submodule), which is not followed"),
        "/app/library": Missing(f"{root}/app is a work tree, and nothing inside it is served"),
        "/app/.git/modules/library": Missing(hidden),
        "/app/.git/worktrees/topic": Missing(hidden),
    }


def test_bare_repository_with_another_one_inside(root: Path, make: Make, ask: Ask, git_serves: GitServes) -> None:
    """git tries `app.git/.git` before `app.git`, so what was authorized is not what would be served."""
    app = make(root / "app.git", "--bare", branch="outer")
    make(app / ".git", "--bare", branch="inner")
    assert "inner" in git_serves(app)

    answer = ask("/app")

    assert answer == Missing(f"{app} is a bare repository with a .git inside, which git would serve instead")


def test_git_directory_of_a_work_tree_with_another_one_inside(
    root: Path, make: Make, ask: Ask, git_serves: GitServes
) -> None:
    """The same, one level down: git tries `app/.git/.git` before `app/.git`."""
    directory = make(root / "app", branch="outer")
    make(directory / ".git", "--bare", branch="inner")
    assert "inner" in git_serves(directory)

    assert ask("/app") == Missing(f"{directory} has a .git inside, which git would serve instead")


@pytest.mark.parametrize("head", ["", "junk", "ref: heads/main", "../../etc/passwd", "ref:", "0123456789"])
def test_broken_head_sends_git_to_the_next_guess(
    root: Path, make: Make, ask: Ask, git_serves: GitServes, head: str
) -> None:
    """Where git does not like HEAD, it goes on to guess, and finds what somebody else put there.

    1. `app` is a work tree, and whoever may push to it can put a repository called `.git.git` into it.
    2. HEAD of `app/.git` is broken, by a full disk perhaps. git, given `app/.git`, now serves `app/.git.git`.
    """
    directory = make(root / "app")
    make(root / "app" / ".git.git", "--bare", branch="planted")
    (directory / "HEAD").write_text(head)
    assert "planted" in git_serves(directory)

    answer = ask("/app")

    assert answer == Missing(f"{directory} is no repository: its HEAD names neither a ref nor an object")


def test_head_that_is_a_link_to_any_file(
    tmp_path: Path, root: Path, make: Make, ask: Ask, git_serves: GitServes
) -> None:
    """A HEAD that is a link is good for git where it leads to "refs/...", whatever a file elsewhere may hold."""
    directory = make(root / "app")
    make(root / "app" / ".git.git", "--bare", branch="planted")
    (tmp_path / "a-good-head").write_text("ref: refs/heads/main\n")
    (directory / "HEAD").unlink()
    (directory / "HEAD").symlink_to(tmp_path / "a-good-head")
    assert "planted" in git_serves(directory)

    assert ask("/app") == Missing(f"{directory} is no repository: its HEAD names neither a ref nor an object")


def test_head_that_is_a_fifo(root: Path, make: Make, ask: Ask) -> None:
    """To open a fifo waits for its other end, so that one such repository would take up a thread for each request."""
    directory = make(root / "app.git", "--bare")
    (directory / "HEAD").unlink()
    os.mkfifo(directory / "HEAD")

    assert ask("/app") == Missing(f"{directory} is no repository: its HEAD names neither a ref nor an object")


@pytest.mark.parametrize("entry", ["objects", "refs"])
def test_half_a_repository(root: Path, make: Make, ask: Ask, entry: str) -> None:
    """git does not take a directory without objects or refs, and would go on to guess."""
    directory = make(root / "app.git", "--bare")
    (directory / entry).rename(root / "unused")
    (directory / entry).write_text("a file")

    assert ask("/app") == Missing(f"{directory} is no repository: it has HEAD, but no directory {entry}")


@pytest.mark.parametrize("inside", ["objects", "hooks/x", "refs/heads", "lfs/a/b", "modules/library"])
@pytest.mark.parametrize("broken", [False, True])
def test_inside_of_a_git_directory(root: Path, make: Make, ask: Ask, inside: str, broken: bool) -> None:
    """A repository planted in the git directory of another one would have a name that no rule was written for.

    That holds while the outer one is broken, too: its rights do not end with its HEAD.
    """
    app = make(root / "app.git", "--bare")
    make(app / inside / "planted.git", "--bare")
    if broken:
        (app / "HEAD").write_text("junk")

    answer = ask(f"/app.git/{inside}/planted")

    assert answer == Missing(f"{app} is a git directory, and nothing inside it is served")


@pytest.mark.parametrize("path", ["/app/planted", "/app/planted.git", "/app/deep/down/planted"])
def test_repository_planted_in_a_work_tree(root: Path, make: Make, ask: Ask, path: str) -> None:
    """Files that are pushed become files on the server where a work tree is checked out (receive.denyCurrentBranch).

    1. Mallory may push to `app`, and commits the files of a bare repository, with hooks, as `planted.git`.
    2. The server's checkout writes them. Served, they would run Mallory's hooks as the server's user.
    """
    make(root / "app")
    make(root / "app" / "planted.git", "--bare")
    make(root / "app" / "deep" / "down" / "planted.git", "--bare")

    assert ask(path) == Missing(f"{root}/app is a work tree, and nothing inside it is served")


@pytest.mark.parametrize("path", ["/app", "/app.git", "/link"])
def test_two_repositories_under_one_name(root: Path, make: Make, ask: Ask, path: str) -> None:
    """Both `app` and `app.git` would be called `app`, so whoever has rights to one would have them to the other."""
    with_work_tree = make(root / "app")
    bare = make(root / "app.git", "--bare")
    (root / "link.git").symlink_to("app.git")

    answer = ask(path)

    assert answer == Missing(
        f"{bare} and {with_work_tree.parent} are both repositories, and would share a name; rename one"
    )


@pytest.mark.parametrize("path", ["/secret.git.git", "/secret.git.git.git"])
@pytest.mark.parametrize("place", ["secret.git", "secret.git.git"])
def test_git_suffix_twice(root: Path, make: Make, ask: Ask, path: str, place: str) -> None:
    """Rules deny `secret`. Asked for as `secret.git.git`, it must not be found under the name `secret.git`."""
    make(root / place, "--bare")

    assert isinstance(ask(path), Missing)


@pytest.mark.parametrize("path", ["/.git", "/app/.git", "/.ssh/app", "/.git.git", "/team/.hidden.git", "/..git"])
def test_names_that_begin_with_a_dot(root: Path, make: Make, ask: Ask, path: str) -> None:
    """`/app/.git` would be a second name for `app`, and what the operator hid is not for others to find."""
    make(root / "app")
    for hidden in (".ssh/app.git", ".git.git", "team/.hidden.git", "..git"):
        make(root / hidden, "--bare")

    assert isinstance(ask(path), Missing)
