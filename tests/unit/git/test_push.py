"""The steps of a push: what git sees, what the client hears, and when. git is a stand-in that notes its input."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import Clock

from gitgate.git.process import Client, GitExit, HookFound, Overheard, RunningGit
from gitgate.git.push import Push, RunReceivePack
from gitgate.git.push_terms import PushTerms
from gitgate.plugin import RefUpdate
from gitgate.refusals import AccessDenied, CredentialsRequired, MalformedRequest, Overloaded, Unavailable
from gitgate.room import Room
from gitgate.wire.pktline import FLUSH, encode

LIST = encode(b"0" * 40 + b" " + b"a" * 40 + b" refs/heads/main\0report-status") + FLUSH


#: More than is read, or told, before others have their turn.
MANY = tuple(b"refs/heads/%07d" % number for number in range(8000))
LONG_LIST = (
    b"".join(
        encode(b"0" * 40 + b" " + b"a" * 40 + b" " + ref + (b"" if number else b"\0report-status"))
        for number, ref in enumerate(MANY)
    )
    + FLUSH
)


class RecordingClient:
    def __init__(self) -> None:
        self.events: list[str] = []
        self.heard = b""
        self.brings = b""

    def git_started(self, git: RunningGit) -> None:
        self.git = git

    def write(self, data: bytes) -> None:
        self.heard += data

    def write_error(self, data: bytes) -> None:
        self.heard += data

    def pauseProducing(self) -> None:
        self.events.append("pause")

    def resumeProducing(self) -> None:
        self.events.append("resume")
        if self.brings:
            brought, self.brings = self.brings, b""
            self.git.write(brought)


class StandIn:
    """A git process that ends when it is told to."""

    def __init__(self, says: bytes = b"") -> None:
        self.says = says
        self.input = b""
        self.is_slow = False
        self.events: list[str] = []
        self.ended: Deferred[GitExit] = Deferred()
        self.hook_found: HookFound | None = None

    async def run(
        self, client: Client, hook_found: HookFound | None = None, overheard: Overheard | None = None
    ) -> GitExit:
        self.client = client
        self.hook_found = hook_found
        client.git_started(self)
        client.write(self.says)
        if overheard is not None:
            overheard(self.says)
        return await self.ended

    def write(self, data: bytes) -> None:
        self.input += data
        if self.is_slow:
            self.client.pauseProducing()

    def finish(self) -> None:
        self.events.append("finish")

    def pauseProducing(self) -> None:
        self.events.append("pause")

    def resumeProducing(self) -> None:
        self.events.append("resume")

    def stopProducing(self) -> None:
        self.events.append("stop")


class House:
    """A push that waits for its next step."""

    def __init__(
        self,
        *,
        http: bool = False,
        terms: PushTerms | Exception | None = None,
        room: Room | None = None,
        client: RecordingClient | None = None,
    ) -> None:
        self.clock = Clock()
        self.client = client or RecordingClient()
        self.advertising = StandIn(b"refs")
        self.receiving = StandIn(b"report")
        self.asked: list[tuple[RefUpdate, ...]] = []
        self.answer: Deferred[PushTerms] = Deferred()
        self.outcome: list[Any] = []
        self._terms = terms or PushTerms()
        push = Push(self.clock, self.client, idle_deadline_seconds=60, room=room)  # type: ignore[arg-type]
        advertise: RunReceivePack | None = None if http else self.advertising.run
        self.serving = ensureDeferred(push.serve(advertise, self._judge, self._receive))
        self.serving.addBoth(self.outcome.append)
        if not http:
            self.advertising.ended.callback(GitExit(code=0, bytes_in=0, bytes_out=0))

    async def _judge(self, updates: tuple[RefUpdate, ...]) -> PushTerms:
        self.asked.append(updates)
        return await self.answer

    async def _receive(self, terms: PushTerms) -> Callable[..., Awaitable[GitExit]]:
        return self.receiving.run

    def decide(self) -> None:
        if isinstance(self._terms, Exception):
            self.answer.errback(self._terms)
        else:
            self.answer.callback(self._terms)

    def end(self, code: int = 0) -> GitExit:
        self.receiving.ended.callback(GitExit(code=code, bytes_in=0, bytes_out=0))
        return self.exit

    @property
    def exit(self) -> GitExit:
        (exit_,) = self.outcome
        assert isinstance(exit_, GitExit), exit_
        return exit_


REFUSED = AccessDenied("locked", message="protected (id 1)", refs=("refs/heads/main",))


@pytest.mark.parametrize("http", [False, True])
def test_git_gets_the_very_bytes_that_were_judged_and_all_that_follow(http: bool) -> None:
    house = House(http=http)
    house.client.git.write(LIST[:20])
    house.client.git.write(LIST[20:] + b"PA")
    assert house.receiving.input == b""
    house.client.git.write(b"CK")  # under way while the judge is asked
    house.decide()
    house.client.git.write(b"more")
    assert house.receiving.input == LIST + b"PACKmore"
    house.client.git.finish()
    assert house.receiving.events[-1] == "finish"
    assert house.end(code=1) == GitExit(code=1, bytes_in=len(LIST) + 8, bytes_out=len(house.client.heard))


def test_what_a_resumed_client_brings_at_once_does_not_overtake_the_commands() -> None:
    """TLS has decrypted more than it has delivered: resuming delivers it from within."""
    house = House(http=True)
    house.client.git.write(LIST)
    house.client.brings = b"PACK"
    house.decide()
    assert house.receiving.input == LIST + b"PACK"


def test_a_git_that_does_not_take_even_the_commands_leaves_the_client_paused() -> None:
    house = House(http=True)
    house.receiving.is_slow = True
    house.client.git.write(LIST)
    house.decide()
    assert house.client.events == ["pause"]
    house.receiving.client.resumeProducing()
    assert house.client.events == ["pause", "resume"]


def test_the_client_is_not_read_while_git_advertises_nor_while_the_judge_is_asked() -> None:
    house = House()
    assert house.client.events == ["pause", "resume"]
    house.client.git.write(LIST)
    assert house.client.events == ["pause", "resume", "pause"]
    house.decide()
    assert house.client.events == ["pause", "resume", "pause", "resume"]


class EagerClient(RecordingClient):
    """Has much to send at once, as a gzip bomb has of which 64 KiB have come, and sends it unless it is paused."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self.pieces = list(pieces)
        self.is_paused = False

    def git_started(self, git: RunningGit) -> None:
        super().git_started(git)
        self.send()

    def send(self) -> None:
        while self.pieces and not self.is_paused:
            self.git.write(self.pieces.pop(0))

    def pauseProducing(self) -> None:
        self.is_paused = True

    def resumeProducing(self) -> None:
        self.is_paused = False
        self.send()


@pytest.mark.parametrize("terms", [None, REFUSED])
def test_no_more_is_taken_from_the_client_than_is_looked_at(terms: Exception | None) -> None:
    """A gzip bomb: 64 KiB of it bring a thousand pieces, and all of them waited here, before and after the judge."""
    house = House(http=True, terms=terms, client=EagerClient(LIST[:9], LIST[9:], *[b"x"] * 100))
    assert isinstance(house.client, EagerClient)
    assert len(house.client.pieces) >= 99
    house.decide()
    assert house.client.pieces == []
    assert house.receiving.input == (b"" if terms else LIST + b"x" * 100)


def test_a_push_that_is_refused_is_answered_and_its_pack_discarded() -> None:
    house = House(terms=REFUSED)
    house.client.git.write(LIST + b"PACK")
    house.decide()
    assert b"ng refs/heads/main protected (id 1)" in house.client.heard
    house.client.git.write(b"x" * 1000)
    assert house.outcome == []
    house.client.git.finish()
    assert house.exit.code == 0
    assert house.receiving.input == b""


def test_over_http_the_answer_comes_when_the_client_has_sent_everything() -> None:
    """curl takes an answer that comes earlier for a broken connection."""
    house = House(http=True, terms=REFUSED)
    house.client.git.write(LIST)
    house.decide()
    assert house.client.heard == b""
    house.client.git.write(b"PACK")
    house.client.git.finish()
    assert b"ng refs/heads/main protected (id 1)" in house.client.heard


def test_a_client_that_has_to_log_in_is_heard_to_its_end_first() -> None:
    """It would take an answer that comes earlier for a broken connection, and not send the push again."""
    challenge = CredentialsRequired("locked")
    house = House(http=True, terms=challenge)
    house.client.git.write(LIST)
    house.decide()
    house.client.git.write(b"PACK")
    assert house.outcome == []
    house.client.git.finish()
    assert [failure.value for failure in house.outcome] == [challenge]
    assert (house.client.heard, house.receiving.input) == (b"", b"")


def test_a_client_that_goes_after_its_refusal_has_not_been_cut_off() -> None:
    """Over git:// there is no other end: the client reads the report and closes."""
    house = House(terms=REFUSED)
    house.client.git.write(LIST)
    house.decide()
    house.serving.cancel()
    assert (house.exit.code, house.exit.abandoned) == (0, False)


def test_a_failure_of_the_judge_refuses_too() -> None:
    house = House(terms=Unavailable("directory is down", request_id="7"))
    house.client.git.write(LIST)
    house.decide()
    house.client.git.finish()
    assert b"ng refs/heads/main temporarily unavailable (id 7)" in house.client.heard
    assert house.receiving.input == b""


@pytest.mark.parametrize("said", [b"", FLUSH])
def test_nothing_to_push_asks_nobody(said: bytes) -> None:
    house = House()
    house.client.git.write(said)
    house.client.git.finish()
    assert house.exit.code == 0
    assert house.asked == []
    assert house.receiving.input == b""


def test_over_http_an_empty_list_is_for_git_to_answer() -> None:
    """git's client sends one to learn whether its credentials are taken, before a large push."""
    house = House(http=True)
    house.client.git.write(FLUSH)
    house.client.git.finish()
    assert house.asked == []
    assert house.receiving.input == FLUSH
    assert house.end().code == 0


def test_a_list_that_breaks_off_is_an_error() -> None:
    house = House()
    house.client.git.write(LIST[:30])
    house.client.git.finish()
    (failure,) = house.outcome
    assert failure.check(MalformedRequest)
    assert house.asked == []


def test_commands_that_are_none_are_malformed() -> None:
    house = House()
    house.client.git.write(b"0001")
    (failure,) = house.outcome
    assert failure.check(MalformedRequest)


def test_a_client_that_goes_before_it_has_said_what_it_wants_is_gone() -> None:
    house = House()
    house.serving.cancel()
    (failure,) = house.outcome
    assert failure.check(CancelledError)


def test_a_client_that_says_nothing_is_ended_after_the_idle_deadline() -> None:
    house = House()
    house.clock.advance(59)
    house.client.git.write(LIST[:10])
    house.clock.advance(59)
    assert house.outcome == []
    house.clock.advance(2)
    assert house.exit.silent


def test_a_client_that_does_not_keep_up_pauses_whatever_speaks() -> None:
    house = House()
    house.client.git.pauseProducing()
    house.client.git.write(LIST)
    house.decide()
    assert house.receiving.events == ["pause"]
    house.client.git.resumeProducing()
    assert house.receiving.events == ["pause", "resume"]


def test_a_rewind_that_a_hook_of_ours_has_found_is_reported_in_gits_place() -> None:
    house = House(terms=PushTerms(forward_only=("refs/heads/main",), refusal=REFUSED))
    house.client.git.write(LIST)
    house.decide()
    assert house.receiving.hook_found is not None
    assert not house.receiving.hook_found((b"refs/heads/main",))
    house.receiving.client.write(b"ng refs/heads/main pre-receive hook declined")
    assert house.client.heard == b"refsreport"  # git's quarantine is still there
    ended = house.end()
    assert (ended.refusal, ended.rewound) == (REFUSED, {"refs/heads/main"})
    assert b"ng refs/heads/main protected (id 1)" in house.client.heard
    assert b"declined" not in house.client.heard


def test_a_rewind_by_nobody_asks_for_a_login_before_anything_is_said() -> None:
    challenge = CredentialsRequired("locked")
    house = House(http=True, terms=PushTerms(forward_only=("refs/heads/main",), refusal=challenge))
    house.client.git.write(LIST)
    house.decide()
    assert house.receiving.hook_found is not None
    assert not house.receiving.hook_found((b"refs/heads/main",))
    house.receiving.ended.callback(GitExit(code=0, bytes_in=0, bytes_out=0))
    assert [failure.value for failure in house.outcome] == [challenge]
    assert house.client.heard == b""


@pytest.mark.parametrize("rewound", [(), (b"refs/heads/other",)])
def test_what_git_said_before_it_was_known_that_nothing_is_rewound_is_said_then(rewound: tuple[bytes, ...]) -> None:
    terms = PushTerms(forward_only=("refs/heads/main",), refusal=CredentialsRequired("locked"))
    house = House(http=True, terms=terms)
    house.client.git.write(LIST)
    house.decide()
    assert house.client.heard == b""
    assert house.receiving.hook_found is not None
    assert house.receiving.hook_found(rewound)
    house.receiving.client.write(b" and more")
    assert house.client.heard == b"report and more"
    ended = house.end()
    assert ended.refusal is None
    assert ended.rewound == frozenset(ref.decode() for ref in rewound)


def test_a_git_that_fails_before_its_hook_is_heard() -> None:
    terms = PushTerms(forward_only=("refs/heads/main",), refusal=CredentialsRequired("locked"))
    house = House(http=True, terms=terms)
    house.client.git.write(LIST)
    house.decide()
    house.end(code=1)
    assert house.client.heard == b"report"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (b"ng refs/heads/main deny updating a hidden ref\n", []),
        (
            b"ok refs/heads/main\n",
            ["git took a push without asking whether it rewinds: the hook of gitgate did not run"],
        ),
    ],
)
def test_only_of_a_push_that_git_took_is_it_an_error_that_no_hook_was_asked(
    status: bytes, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """git asks no hook where it has refused every ref itself, which any client can bring about as often as it likes."""
    house = House(terms=PushTerms(forward_only=("refs/heads/main",), refusal=REFUSED))
    house.receiving.says = encode(b"unpack ok\n") + encode(status) + FLUSH
    house.client.git.write(LIST)
    house.decide()
    house.end()
    assert caplog.messages == told


def test_a_ref_that_is_not_utf8_is_not_rewound_either() -> None:
    """Attack: a branch whose name is Latin-1, which is another name once it was text."""
    house = House(terms=PushTerms(forward_only=("refs/heads/caf\\xe9",), refusal=REFUSED))
    house.client.git.write(LIST)
    house.decide()
    assert house.receiving.hook_found is not None
    assert not house.receiving.hook_found((b"refs/heads/caf\xe9",))


def test_a_long_list_of_commands_has_to_find_room() -> None:
    """Ten sessions on each of a hundred connections send a list of 16 MiB each, of which none is ever complete."""
    room = Room("a list", 100_000, short=1000)
    mirror, another, usual = House(room=room), House(room=room), House(room=room)
    mirror.client.git.write(encode(b"shallow " + b"a" * 40) * 1500)
    another.client.git.write(encode(b"shallow " + b"a" * 40) * 1500)
    usual.client.git.write(LIST)

    (refused,) = another.outcome
    assert refused.check(Overloaded)
    assert (mirror.outcome, len(usual.asked)) == ([], 1)

    mirror.serving.cancel()
    late = House(room=room)
    late.client.git.write(encode(b"shallow " + b"a" * 40) * 1500)
    assert late.outcome == []


def test_a_long_list_is_judged_and_handed_on_as_a_short_one() -> None:
    house = House(http=True)
    house.client.git.write(LONG_LIST + b"PA")
    (updates,) = house.asked
    assert [update.ref.encode() for update in updates] == list(MANY)
    house.client.git.write(b"CK")
    house.decide()
    assert house.receiving.input == LONG_LIST + b"PACK"


def test_a_long_list_that_comes_at_once_lets_others_come_between() -> None:
    """It was compressed: 64 KiB from the network bring a hundred thousand refs."""
    pieces = [LONG_LIST[start : start + 65536] for start in range(0, len(LONG_LIST), 65536)]
    house = House(http=True, client=EagerClient(*pieces))
    asked: list[int] = []
    house.clock.callLater(0, lambda: asked.append(len(house.asked)))
    house.clock.advance(0)
    assert (asked, len(house.asked)) == ([0], 1)
    house.decide()
    assert house.receiving.input == LONG_LIST


def test_a_list_that_breaks_off_while_others_have_their_turn_is_an_error_too() -> None:
    house = House(http=True)
    house.client.git.write(LONG_LIST[:-10])
    house.client.git.finish()
    assert house.outcome == []
    house.clock.advance(0)
    (failure,) = house.outcome
    assert failure.check(MalformedRequest)


@pytest.mark.parametrize("http", [False, True])
def test_many_refused_refs_are_reported_with_others_between(http: bool) -> None:
    house = House(http=http, terms=AccessDenied("locked", message="protected (id 1)"))
    house.client.git.write(LONG_LIST)
    if http:
        house.client.git.finish()
    heard: list[int] = []
    house.decide()
    house.clock.callLater(0, lambda: heard.append(house.client.heard.count(b"ng ")))
    house.clock.advance(0)
    assert 0 < heard[0] < len(MANY)
    assert house.client.heard.count(b" protected (id 1)\n") == len(MANY)
    assert house.client.heard.endswith(FLUSH)
    house.client.git.finish()
    assert house.exit.refusal is not None
    assert house.receiving.input == b""


@pytest.mark.parametrize("found_by_hook", [False, True])
def test_who_goes_in_the_middle_of_a_long_report_was_refused_all_the_same(found_by_hook: bool) -> None:
    refused = AccessDenied("locked", message="protected (id 1)", refs=tuple(ref.decode() for ref in MANY))
    house = House(terms=PushTerms(forward_only=refused.refs, refusal=refused) if found_by_hook else refused)
    house.client.git.write(LONG_LIST)
    house.decide()
    if found_by_hook:
        assert house.receiving.hook_found is not None
        house.receiving.hook_found(MANY)
        house.receiving.ended.callback(GitExit(code=1, bytes_in=0, bytes_out=0))
    heard = house.client.heard
    assert 0 < heard.count(b"ng ") < len(MANY)
    house.serving.cancel()
    house.clock.advance(0)
    assert house.exit.refusal is refused
    assert house.exit.abandoned is found_by_hook
    assert house.client.heard == heard


def test_without_such_terms_no_hook_is_heard() -> None:
    house = House()
    house.client.git.write(LIST)
    house.decide()
    assert house.receiving.hook_found is None


def test_an_advertisement_that_fails_ends_the_push() -> None:
    house = House(http=True)  # only for its parts
    advertising = StandIn()
    push = Push(house.clock, house.client, idle_deadline_seconds=60)  # type: ignore[arg-type]
    outcome: list[Any] = []
    ensureDeferred(push.serve(advertising.run, house._judge, house._receive)).addBoth(outcome.append)
    advertising.ended.callback(GitExit(code=128, bytes_in=0, bytes_out=0))
    assert outcome[0].code == 128
