"""Rules as gitgate builds them from a configuration, and what is asked about."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from gitgate_rules import RulesPlugin, RulesSettings
from pydantic import TypeAdapter

from gitgate.plugin import (
    Access,
    Allow,
    Deny,
    GitRequest,
    Identity,
    Peer,
    RefChange,
    RefUpdate,
    Repository,
    Service,
    Transport,
)
from gitgate.testing import Probe

_SETTINGS = TypeAdapter(RulesSettings)


@pytest.fixture
def build() -> Callable[..., RulesSettings]:
    """Builds the settings from rules as a configuration holds them. Raises pydantic's ValidationError."""
    return lambda *rules: _SETTINGS.validate_json(json.dumps({"rules": rules}), strict=True)


@pytest.fixture
def decide(build: Callable[..., RulesSettings]) -> Callable[..., Callable[..., Allow | Deny | None]]:
    """Starts a plugin with these rules; returns what asks it: identity, access, name of the repository."""

    def start(*rules: dict[str, object]) -> Callable[..., Allow | Deny | None]:
        plugin = Probe(RulesPlugin(build(*rules)))

        def ask(identity: Identity, access: Access, name: str) -> Allow | Deny | None:
            repository = Repository(directory=Path("/srv/git/a.git"), name=name)
            return plugin.authorize(identity, _a_request(access), repository)

        return ask

    return start


@pytest.fixture
def judge(build: Callable[..., RulesSettings]) -> Callable[..., Callable[..., Allow | Deny | None]]:
    """Starts a plugin with these rules; returns what asks it about a push: identity, then pairs of change and ref."""

    def start(*rules: dict[str, object]) -> Callable[..., Allow | Deny | None]:
        plugin = Probe(RulesPlugin(build(*rules)))

        def ask(identity: Identity, *updates: tuple[RefChange, str], name: str = "app") -> Allow | Deny | None:
            request = replace(_a_request(Access.WRITE), updates=tuple(_an_update(*update) for update in updates))
            return plugin.authorize(identity, request, Repository(directory=Path("/srv/git/a.git"), name=name))

        return ask

    return start


def _an_update(change: RefChange, ref: str) -> RefUpdate:
    old = "0" * 40 if change is RefChange.CREATE else "1" * 40
    new = "0" * 40 if change is RefChange.DELETE else "2" * 40
    return RefUpdate(ref=ref, old=old, new=new, change=change)


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
