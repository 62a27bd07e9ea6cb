"""Whatever is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from gitgate_tree import Root, TreePlugin, TreeSettings
from hooks import answered
from hypothesis import given, settings
from hypothesis import strategies as st

from gitgate.plugin import ANONYMOUS, Missing, Repository
from gitgate.testing import a_fetch

Answer: TypeAlias = Repository | Missing
Ask: TypeAlias = Callable[[str], Answer]

SEGMENTS = [
    "", ".", "..", ".git", "app", "app.git", "app.git.git", "both", "both.git", "team", "team.git", "work", "link",
    "folder", "out", "out.git", "up", "srv", "git", "git-old", "objects", "hooks", "HEAD", "\x00", "\ud800", "~",
    "%2e%2e",
]  # fmt: skip

segments = st.sampled_from(SEGMENTS) | st.text(max_size=6)
paths = st.lists(segments, max_size=6).map("/".join).map("/{}".format) | st.text(max_size=30)


@pytest.fixture(scope="module")
def crowded_root(tmp_path_factory: pytest.TempPathFactory, git: Callable[..., str]) -> Path:
    """A root with every kind of thing in it, and with repositories around it."""
    top = tmp_path_factory.mktemp("top")
    root = top / "srv" / "git"
    for bare in ("app.git", "both.git", "team/app.git", "team/deep/er/app", "../git-old/app.git", "../../outside.git"):
        git("init", "--quiet", "--bare", root / bare)
    for work_tree in ("both", "work", "team/work"):
        git("init", "--quiet", root / work_tree)
    (root / "link").symlink_to("team/app.git")
    (root / "folder").symlink_to("team")
    (root / "up").symlink_to("..")
    (root / "out").symlink_to(top)
    (root / "out.git").symlink_to("../git-old/app.git")
    (root / "team" / "out.git").symlink_to(top / "outside.git")
    return root


@pytest.fixture(scope="module")
def ask_in_crowd(crowded_root: Path, serve: Callable[..., Ask]) -> Ask:
    return serve(crowded_root)


@given(path=paths)
def test_no_path_leads_out_of_the_root(path: str, crowded_root: Path, ask_in_crowd: Ask) -> None:
    answer = ask_in_crowd(path)

    if isinstance(answer, Repository):
        assert answer.directory == answer.directory.resolve(strict=True)
        assert crowded_root in answer.directory.parents


@given(path=paths)
def test_what_a_path_finds_is_found_by_its_name_too(path: str, ask_in_crowd: Ask) -> None:
    answer = ask_in_crowd(path)

    if isinstance(answer, Repository):
        assert [ask_in_crowd(f"/{answer.name}"), ask_in_crowd(f"/{answer.name}.git")] == [answer, answer]


def test_the_paths_that_are_tried_find_every_repository_of_the_crowd(ask_in_crowd: Ask) -> None:
    """Without which the properties above would hold for a plugin that finds nothing."""
    asked = ["/app", "/link", "/folder/app.git", "/up/git/work", "/out/srv/git/team/work", "/team/deep/er/app"]

    found = [answer.name for answer in map(ask_in_crowd, asked) if isinstance(answer, Repository)]

    assert found == ["app", "team/app", "team/app", "work", "team/work", "team/deep/er/app"]


@pytest.fixture(scope="module")
def several_roots(tmp_path_factory: pytest.TempPathFactory, git: Callable[..., str]) -> TreePlugin:
    """Three roots with repositories at the same places, and with links from everywhere to everywhere."""
    top = tmp_path_factory.mktemp("roots")
    folders = ("git", "attic", "customer")
    for folder in folders:
        for bare in ("app.git", "attic/app.git", "customer/app", "customer/attic/app.git"):
            git("init", "--quiet", "--bare", top / folder / bare)
        for other in folders:
            (top / folder / f"to-{other}").symlink_to(top / other)
            (top / folder / f"link-{other}.git").symlink_to(top / other / "app.git")
    roots = (
        Root(root=top / "git"),
        Root(root=top / "attic", prefix="attic"),
        Root(root=top / "customer", prefix="customer", hosts=("h",)),
    )
    return TreePlugin(TreeSettings(roots=roots, allow_symlinks=True))


SEGMENTS_OF_ROOTS = [
    *("app", "app.git", "attic", "customer", "to-git", "to-attic", "to-customer", "link-git", "link-attic"),
]


@settings(deadline=None)  # each example asks many times
@given(
    asked=st.lists(
        st.tuples(st.lists(st.sampled_from(SEGMENTS_OF_ROOTS), min_size=1, max_size=4), st.sampled_from([None, "h"])),
        min_size=10,
    )
)
def test_no_two_repositories_share_a_name_and_none_has_two(
    asked: list[tuple[list[str], str | None]], several_roots: TreePlugin
) -> None:
    answers = [
        answered(several_roots.resolve_path(ANONYMOUS, a_fetch("/" + "/".join(path), host=host)))
        for path, host in asked
    ]

    found = {(answer.name, answer.directory) for answer in answers if isinstance(answer, Repository)}
    assert len({name for name, _ in found}) == len({directory for _, directory in found}) == len(found)
