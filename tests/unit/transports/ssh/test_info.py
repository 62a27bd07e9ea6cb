"""What a user is told of the repositories that she can reach: by the greeting, and by the command `info`."""

import json
from struct import pack
from typing import Any

import pytest
from twisted.conch.ssh.common import NS
from twisted.internet.defer import Deferred

from gitgate.overview import Overview, Reachable
from gitgate.plugin import Access, Identity, Service
from gitgate.refusals import Overloaded, Unavailable

DATA, EXTENDED, EOF, CLOSE, REQUEST = 94, 95, 96, 97, 98

TWO = (
    Reachable(path="/public/doc", name="public/doc", rights=(Access.READ,)),
    Reachable(path="/team/app", name="team/app", rights=(Access.READ, Access.WRITE)),
)
GREETING = (
    "Hi alice, you are logged in to gitgate. There is no shell here; use git, for example:\n"
    "  git clone ssh://alice@192.0.2.1:22/path/to/repository\n"
)


@pytest.fixture
def session(line: Any) -> Any:
    line.log_in()
    line.open_session()
    return line


def ended(messages: list[tuple[int, bytes]]) -> tuple[str, str, int | None]:
    """Standard output, standard error and the exit code among these messages."""
    output = b"".join(payload[8:] for message, payload in messages if message == DATA)
    error = b"".join(payload[12:] for message, payload in messages if message == EXTENDED)
    codes = [payload[-1] for message, payload in messages if message == REQUEST and b"exit-status" in payload]
    assert [message for message, _ in messages][-2:] == [REQUEST, CLOSE] or not codes
    return output.decode(), error.decode(), codes[0] if codes else None


def shell(session: Any) -> tuple[str, str, int | None]:
    session.send(98, session.channel_request(0, b"shell"))
    return ended(session.take())


def run(session: Any, command: bytes) -> tuple[str, str, int | None]:
    session.execute(0, command)
    return ended(session.take())


def test_the_greeting_shows_what_can_be_reached(session: Any, gateway: Any) -> None:
    gateway.reachable = lambda: Overview(repositories=TWO)
    assert shell(session) == (GREETING + "You can reach:\n  read         public/doc\n  read, write  team/app\n", "", 0)
    [(name, request, most)] = gateway.overviews
    assert (name, request.username, request.service, most) == ("alice", "alice", Service.UPLOAD_PACK, 20)


def test_a_long_list_is_only_begun_by_the_greeting(session: Any, gateway: Any) -> None:
    gateway.reachable = lambda: Overview(repositories=TWO, is_complete=False)
    output, _, code = shell(session)
    assert output.endswith("  read, write  team/app\n  and more, which the command `info` lists\n")
    assert code == 0


def test_an_outage_does_not_keep_anybody_from_being_greeted(session: Any, gateway: Any) -> None:
    gateway.reachable = lambda: Unavailable("ldap: down", request_id="req-1")
    assert shell(session) == (
        GREETING + "What you can reach cannot be listed now: temporarily unavailable (id req-1)\n",
        "",
        0,
    )


def test_info_lists_it_all(session: Any, gateway: Any) -> None:
    gateway.reachable = lambda: Overview(repositories=TWO)
    assert run(session, b"info") == ("read         public/doc\nread, write  team/app\n", "", 0)
    assert gateway.overviews[0][2] == 5000


def test_info_says_when_there_is_nothing_and_when_there_is_more(session: Any, gateway: Any) -> None:
    assert run(session, b"info") == ("There is no repository that you can reach.\n", "", 0)
    session.open_session()
    gateway.reachable = lambda: Overview(repositories=TWO[:1], is_complete=False)
    session.execute(1, b"info")
    assert ended(session.take())[0] == "read  public/doc\nand more, which are not listed: there are too many\n"


def test_info_as_json_has_who_she_is_as_well(session: Any, gateway: Any) -> None:
    gateway.reachable = lambda: Overview(repositories=TWO)
    output, error, code = run(session, b"info --json")
    assert json.loads(output) == {
        "user": "alice",
        "groups": [],
        "repositories": [
            {"path": "/public/doc", "name": "public/doc", "rights": ["read"]},
            {"path": "/team/app", "name": "team/app", "rights": ["read", "write"]},
        ],
        "complete": True,
    }
    assert (error, code) == ("", 0)


@pytest.mark.parametrize("command", [b"info --xml", b"info ", b"information", b"INFO", b"info\n"])
def test_only_these_two_commands_are_known(session: Any, gateway: Any, command: bytes) -> None:
    output, error, code = run(session, command)
    assert (output, code, gateway.overviews) == ("", 128, [])
    assert error.startswith("gitgate: unrecognized command 'info" if command != b"INFO" else "gitgate: unrecognized")


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (Unavailable("ldap: down", request_id="req-1"), "temporarily unavailable (id req-1)"),
        (Overloaded("4 are being made"), "too busy, try again later"),
    ],
)
def test_an_outage_is_no_empty_list(session: Any, gateway: Any, refusal: Exception, message: str) -> None:
    gateway.reachable = lambda: refusal
    assert run(session, b"info") == ("", f"gitgate: {message}\n", 128)


@pytest.mark.parametrize("name", ["a" * 500, "ö" * 250], ids=["ascii", "letters-of-two-bytes"])
def test_long_lists_that_nobody_reads_have_a_bound_for_all(make_line: Any, gateway: Any, name: str) -> None:
    """Somebody asks for five thousand repositories in ten sessions on each of a hundred connections, and reads none
    of the answers: they would all be kept here."""
    line = make_line(gateway, max_sessions=100)
    line.log_in()
    many = tuple(Reachable(path=f"/{name}{n}", name=str(n), rights=(Access.READ,)) for n in range(5000))
    gateway.reachable = lambda: Overview(repositories=many)
    asked = [line.open_session(window=0) for _ in range(4)]
    for session in asked:
        line.execute(session, b"info")
    assert ended(line.take())[1:] == ("", None)

    late = line.open_session()
    line.execute(late, b"info")
    assert ended(line.take()) == ("", "gitgate: too busy, try again later\n", 128)

    line.send(CLOSE, pack(">L", asked[0]))
    line.take()
    another = line.open_session()
    line.execute(another, b"info")
    assert ended(line.take())[1:] == ("", None)


def test_a_name_cannot_control_the_terminal(line: Any, gateway: Any) -> None:
    """Attack: somebody who may create repositories makes one whose name clears the screens of all who list it."""
    gateway.judge = lambda credentials: Identity(name="alice")
    evil = Reachable(path="/a\x1b[2J\u202e", name="a\x1b[2J\u202e", rights=(Access.READ,))
    gateway.reachable = lambda: Overview(repositories=(evil,))
    line.log_in()
    for number, command in enumerate((b"info", b"info --json")):
        line.open_session()
        line.execute(number, command)
        output, _, code = ended(line.take())
        assert not {"\x1b", "\u202e"} & set(output)
        assert code == 0


def test_a_client_that_goes_away_ends_the_overview(session: Any, gateway: Any) -> None:
    cancelled: list[bool] = []
    waiting: Deferred[Overview] = Deferred(lambda _: cancelled.append(True))
    gateway.reachable = lambda: waiting
    session.execute(0, b"info")
    session.send(CLOSE, pack(">L", 0))
    assert cancelled == [True]


def test_it_comes_with_the_ends_of_lines_of_a_terminal(session: Any, gateway: Any) -> None:
    gateway.reachable = lambda: Overview(repositories=TWO)
    session.send(98, session.channel_request(0, b"pty-req", NS(b"xterm") + pack(">4L", 80, 24, 0, 0) + NS(b"\0")))
    assert run(session, b"info")[0] == "read         public/doc\r\nread, write  team/app\r\n"
