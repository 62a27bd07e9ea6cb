"""tree is what gitgate.testing asks of every plugin that knows repositories, bare or with a work tree."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gitgate_tree import Root, TreePlugin, TreeSettings

from gitgate.testing import ResolverContract, a_fetch


class TestTree(ResolverContract):
    known = a_fetch("/team/app")

    @pytest.fixture(params=[("app.git", "--bare"), ("app", "--bare"), ("app.git",), ("app",)], ids=" ".join)
    def plugin(self, request: pytest.FixtureRequest, root: Path, make: Callable[..., Path]) -> TreePlugin:
        folder, *options = request.param
        make(root / "team" / folder, *options)
        return TreePlugin(TreeSettings(root=root))


class TestTreeOfSeveralRoots(ResolverContract):
    known = a_fetch("/attic/team/app")

    @pytest.fixture
    def plugin(self, tmp_path: Path, root: Path, make: Callable[..., Path]) -> TreePlugin:
        make(tmp_path / "attic" / "team" / "app.git", "--bare")
        roots = (Root(root=root), Root(root=tmp_path / "attic", prefix="attic"))
        return TreePlugin(TreeSettings(roots=roots, aliases={"old": "attic/team/app"}, create_on_push=True))


class TestTreeOfATenant(ResolverContract):
    known = a_fetch("/team/app", host="git.customer.example:8443")

    @pytest.fixture
    def plugin(self, root: Path, make: Callable[..., Path]) -> TreePlugin:
        make(root / "team" / "app.git", "--bare")
        return TreePlugin(TreeSettings(roots=(Root(root=root, prefix="customer", hosts=("git.customer.example",)),)))
