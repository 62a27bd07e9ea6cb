"""Rules as gitgate builds them from a configuration, and what is asked about."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from gitgate_rules import RulesPlugin, RulesSettings
from pydantic import TypeAdapter

from gitgate.plugin import Access, Allow, Deny, GitRequest, Identity, Peer, Repository, Service, Transport

_SETTINGS = TypeAdapter(RulesSettings)


@pytest.fixture
def build() -> Callable[..., RulesSettings]:
    """Builds the settings from rules as a configuration holds them. Raises pydantic's ValidationError."""
    return lambda *rules: _SETTINGS.validate_json(json.dumps({"rules": rules}), strict=True)


@pytest.fixture
def decide(build: Callable[..., RulesSettings]) -> Callable[..., Callable[..., Allow | Deny | None]]:
    """Starts a plugin with these rules; returns what asks it: identity, access, name of the repository."""

    def start(*rules: dict[str, object]) -> Callable[..., Allow | Deny | None]:
        plugin = RulesPlugin(build(*rules))

        def ask(identity: Identity, access: Access, name: str) -> Allow | Deny | None:
            repository = Repository(directory=Path("/srv/git/a.git"), name=name)
            return plugin.authorize(identity, _a_request(access), repository)

        return ask

    return start


def _a_request(access: Access) -> GitRequest:
    return GitRequest(
        request_id="r1",
        peer=Peer(transport=Transport.SSH, address="192.0.2.1", port=4711, encrypted=True),
        service=Service.UPLOAD_PACK if access is Access.READ else Service.RECEIVE_PACK,
        path="/not/looked/at",
        protocol=2,
        host=None,
        access=access,
    )
