"""A chain of plugins that answer as a test has them answer."""

from collections.abc import Callable
from typing import Any

import pytest

from gitgate.plugin import (
    Credentials,
    GitRequest,
    Identity,
    Missing,
    Password,
    Peer,
    Rejected,
    Repository,
    hookimpl,
)
from gitgate.plugin_chain import PluginChain, Ruling
from gitgate.plugin_registration import Member
from gitgate.testing import a_peer, a_repository
from gitgate.testing.waiting_loop import WaitingLoop

ALICE = Identity(name="alice")
LOGIN = Password(username="alice", password="secret")


class Answers:
    """Answers `authenticate` in a thread, and notes that it was asked."""

    def __init__(self, answer: object, asked: list[str] | None = None, name: str = "") -> None:
        self.answer, self.asked, self.name = answer, asked, name

    @hookimpl
    def authenticate(self, credentials: Credentials, peer: Peer) -> Any:
        if self.asked is not None:
            self.asked.append(self.name)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class AnswersAsync(Answers):
    """The same on the reactor."""

    @hookimpl
    async def authenticate(self, credentials: Credentials, peer: Peer) -> Any:
        return super().authenticate(credentials, peer)


def both(test: Callable[..., None]) -> Callable[..., None]:
    """The test, with a plugin of each kind."""
    return pytest.mark.parametrize("kind", [Answers, AnswersAsync], ids=["def", "async def"])(test)


class Chain:
    """Plugins in their order, called p0, p1 and so on where they are no members with a name of their own."""

    def __init__(self, *members: Member | object) -> None:
        self.loop = WaitingLoop()
        named = [m if isinstance(m, Member) else Member(name=f"p{i}", plugin=m) for i, m in enumerate(members)]
        self.chain = PluginChain(named, self.loop.reactor)
        self.loop.run(self.chain.start())

    def authenticate(
        self, credentials: Credentials = LOGIN, request_id: str | None = None
    ) -> Ruling[Identity | Rejected] | None:
        return self.loop.run(self.chain.authenticate(credentials, a_peer(), request_id))


class Paths:
    """Has an opinion on paths only."""

    @hookimpl
    def resolve_path(self, identity: Identity, request: GitRequest) -> Repository | Missing | None:
        return a_repository("found")
