"""What somebody can reach: listed by plugins, and judged path by path."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gitgate.overview import Overview, Overviews, Reachable, request_for_overview
from gitgate.plugin import Access, Allow, Deny, GitRequest, Identity, Missing, Repository, hookimpl
from gitgate.plugin_asking import PluginFailure
from gitgate.plugin_chain import PluginChain
from gitgate.plugin_registration import Member
from gitgate.refusals import Overloaded
from gitgate.testing import a_peer, a_repository, an_identity
from gitgate.testing.waiting_loop import WaitingLoop

ALICE = an_identity("alice")
REQUEST = request_for_overview("req-1", a_peer(), "git")
READ, WRITE, CREATE = Access.READ, Access.WRITE, Access.CREATE


class Site:
    """Lists `rights`, which says what is allowed where; what is asked is noted."""

    def __init__(self, rights: dict[str, set[Access]], **resolved: Any) -> None:
        self.rights, self.resolved = rights, resolved
        self.requests: list[GitRequest] = []

    @hookimpl
    def list_repositories(self, identity: Identity) -> list[str]:
        return list(self.rights)

    @hookimpl
    async def resolve_path(self, request: GitRequest) -> Any:
        name = request.path.removeprefix("/")
        answer = self.resolved.get(name, a_repository(name))
        if isinstance(answer, Exception):
            raise answer
        return answer

    @hookimpl
    async def authorize(self, request: GitRequest, repository: Repository) -> Allow | Deny | None:
        self.requests.append(request)
        if request.access in self.rights[request.path]:
            return Allow("listed")
        return Deny("not listed") if request.access is READ else None


def overviews(site: object, clock: Any = None) -> tuple[Overviews, WaitingLoop]:
    loop = WaitingLoop()
    chain = PluginChain([Member(name="site", plugin=site)], loop.reactor)
    loop.run(chain.start())
    return Overviews(chain, clock or loop), loop


def overview(site: object, most: int = 100, clock: Any = None) -> Overview:
    made, loop = overviews(site, clock)
    return loop.run(made.of(ALICE, REQUEST, most=most, seconds=10.0))


def found(path: str, *rights: Access) -> Reachable:
    return Reachable(path=f"/{path}", name=path, rights=rights)


def test_what_can_be_reached_is_sorted_and_has_its_rights() -> None:
    site = Site({"/team/b": {READ, WRITE}, "/team/a": {READ}, "/drop": {WRITE}, "/secret": set()})
    assert overview(site) == Overview(
        repositories=(found("drop", WRITE), found("team/a", READ), found("team/b", READ, WRITE))
    )


def test_the_questions_are_those_of_a_fetch_and_of_a_push_by_the_same_client() -> None:
    site = Site({"/a": {READ}})
    overview(site)
    assert [(r.service.value, r.access, r.path, r.username, r.peer) for r in site.requests] == [
        ("git-upload-pack", READ, "/a", "git", a_peer()),
        ("git-receive-pack", WRITE, "/a", "git", a_peer()),
    ]


def test_a_path_that_leads_nowhere_and_an_old_name_are_left_out() -> None:
    site = Site(
        {"/gone": {READ}, "/nobody": {READ}, "/old": {READ}},
        gone=Missing("removed just now"),
        nobody=None,
        old=a_repository("new", moved_to="/new"),
    )
    assert overview(site) == Overview()


def test_of_a_repository_that_is_not_there_yet_only_creating_is_asked() -> None:
    site = Site({"/mine": {READ, WRITE, CREATE}, "/theirs": {READ}}, mine=a_repository("mine", exists=False))
    assert overview(site).repositories == (found("mine", CREATE), found("theirs", READ))


def test_a_path_that_nobody_can_ask_for_is_logged_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert overview(Site({"/../etc": {READ}, "/\udc80": {READ}, "a": {READ}, "/a": {READ}})) == Overview(
        repositories=(found("a", READ),)
    )
    assert len(caplog.messages) == 2
    assert "which nobody can ask for" in caplog.messages[0]


def test_no_more_are_looked_at_than_are_wanted() -> None:
    site = Site({f"/{letter}": {READ} for letter in "abcdef"})
    assert overview(site, most=2) == Overview(repositories=(found("a", READ), found("b", READ)), is_complete=False)
    assert {request.path for request in site.requests} == {"/a", "/b"}
    assert overview(site, most=6).is_complete


def test_what_takes_too_long_ends_with_what_is_known() -> None:
    clock = Clock()

    class Slow(Site):
        @hookimpl
        async def resolve_path(self, request: GitRequest) -> Repository:
            clock.advance(6)
            return a_repository(request.path.removeprefix("/"))

    site = Slow({f"/{letter}": {READ} for letter in "abc"})
    assert overview(site, clock=clock) == Overview(repositories=(found("a", READ), found("b", READ)), is_complete=False)


def test_others_are_served_while_plugins_answer_from_memory() -> None:
    """Attack: who may log in asks for an overview of thousands of repositories, again and again; nothing waits for a
    thread or a socket, and so nobody else is served until it ends.
    """

    class InMemory(Site):
        @hookimpl
        async def list_repositories(self, identity: Identity) -> list[str]:
            return list(self.rights)

    clock, site = Clock(), InMemory({f"/{number:02}": {READ} for number in range(40)})
    made, _ = overviews(site, clock)
    served: list[str] = []
    clock.callLater(0, lambda: served.append(site.requests[-1].path))
    making = Deferred.fromCoroutine(made.of(ALICE, REQUEST, most=100, seconds=60.0))
    assert not making.called
    clock.advance(0)
    assert served == ["/15"]
    assert len(making.result.repositories) == 40


def test_an_outage_does_not_look_as_if_there_were_nothing() -> None:
    with pytest.raises(PluginFailure, match="site: resolve_path raised OSError: down"):
        overview(Site({"/a": {READ}}, a=OSError("down")))


def test_overviews_are_made_a_few_at_a_time() -> None:
    """Attack: a user asks for hundreds of overviews at once, each of which asks the directory for every repository."""

    class Hangs:
        @hookimpl
        async def list_repositories(self, identity: Identity) -> Any:
            return await Deferred()

    made, loop = overviews(Hangs())

    def ask() -> "Deferred[Overview]":
        return Deferred.fromCoroutine(made.of(ALICE, REQUEST, most=1, seconds=1.0))

    hanging = [ask() for _ in range(4)]
    with pytest.raises(Overloaded):
        loop.run(made.of(ALICE, REQUEST, most=1, seconds=1.0))
    hanging[0].addErrback(lambda failure: None).cancel()
    hanging[0] = ask()
    assert not hanging[0].called
    for deferred in hanging:
        deferred.addErrback(lambda failure: None).cancel()


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (Overview.lines, ["read         a", "read, write  team/\\x1b[2J"]),
        (
            Overview.data,
            [
                {"path": "/a", "name": "a", "rights": ["read"]},
                {"path": "/team/\x1b[2J", "name": "team/\x1b[2J", "rights": ["read", "write"]},
            ],
        ),
    ],
)
def test_it_is_shown_as_lines_and_as_data(shown: Callable[[Overview], Any], expected: Any) -> None:
    assert shown(Overview(repositories=(found("a", READ), found("team/\x1b[2J", READ, WRITE)))) == expected


def test_nothing_has_no_lines() -> None:
    assert Overview().lines() == []
