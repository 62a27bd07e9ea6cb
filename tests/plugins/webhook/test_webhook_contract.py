"""The webhook with the service of the examples is what gitgate.testing asks of every plugin."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gitgate_webhook import WebhookPlugin

from gitgate.plugin import Password, Secret
from gitgate.testing import AuthenticatorContract, AuthorizerContract, ResolverContract, a_fetch, an_identity

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repositories")
    (root / "team/app.git").mkdir(parents=True)
    (root / "team/app.git/HEAD").touch()
    return root


@pytest.fixture(scope="module")
def url(example_service: Callable[..., str], repositories: Path) -> str:
    return example_service("--root", repositories, GITGATE_SECRET=SECRET)


class OnTheReactor:
    """In place of the contract's probe, whose loop has no sockets."""

    @pytest.fixture
    def plugin(self, plugin: Callable[..., WebhookPlugin], url: str, repositories: Path) -> WebhookPlugin:
        return plugin(url, signing_secrets=(Secret(SECRET),), roots=(repositories,))

    @pytest.fixture
    def probe(self, plugin: WebhookPlugin, on_reactor: Callable[[WebhookPlugin], Any]) -> Iterator[Any]:
        probe = on_reactor(plugin)
        yield probe
        probe.close()


class TestLogins(OnTheReactor, AuthenticatorContract):
    known = Password(username="alice", password="correct horse battery")
    name = "alice"


class TestPaths(OnTheReactor, ResolverContract):
    known = a_fetch("/team/app")


class TestRights(OnTheReactor, AuthorizerContract):
    allowed = (an_identity("alice", "devs"), a_fetch("/team/app"))
    denied = (an_identity("bob"), a_fetch("/team/app"))
