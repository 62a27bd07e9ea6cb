"""tree is what gitgate.testing asks of every plugin that knows repositories, bare or with a work tree."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gitgate_tree import TreePlugin, TreeSettings

from gitgate.testing import ResolverContract, a_fetch


class TestTree(ResolverContract):
    known = a_fetch("/team/app")

    @pytest.fixture(params=[("app.git", "--bare"), ("app", "--bare"), ("app.git",), ("app",)], ids=" ".join)
    def plugin(self, request: pytest.FixtureRequest, root: Path, make: Callable[..., Path]) -> TreePlugin:
        folder, *options = request.param
        make(root / "team" / folder, *options)
        return TreePlugin(TreeSettings(root=root))
