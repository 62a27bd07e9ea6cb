"""repoperms is what gitgate.testing asks of every plugin that decides."""

from collections.abc import Callable

import pytest
from gitgate_repoperms import RepopermsPlugin

from gitgate.plugin import ANONYMOUS
from gitgate.testing import AuthorizerContract, a_fetch, a_push, an_identity


class RepopermsContract(AuthorizerContract):
    @pytest.fixture
    def plugin(self, plugin_on: Callable[..., RepopermsPlugin]) -> RepopermsPlugin:
        return plugin_on("[team/app.git]\nalice = rw\nbob = r\nmallory = -\nanonymous = r\n")


class TestAUser(RepopermsContract):
    allowed = (an_identity("alice"), a_push("/team/app"))
    denied = (an_identity("bob", "alice"), a_push("/team/app"))


class TestAnonymous(RepopermsContract):
    allowed = (ANONYMOUS, a_fetch("/team/app.git"))
    denied = (an_identity("mallory"), a_fetch("/team/app"))


class TestAnotherRepository(RepopermsContract):
    allowed = (an_identity("alice"), a_fetch("/team/app"))
    denied = (an_identity("alice"), a_fetch("/app"))
