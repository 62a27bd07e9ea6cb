"""The exchange itself, against a real service that does what it should not."""

import gzip
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gitgate_webhook.failures import BadReply, NoAnswer, ServiceDown

from gitgate.plugin import Allow, BearerToken, Duration, Password, Secret
from gitgate.testing import a_fetch, a_peer, a_repository, an_identity

QUESTION = (an_identity(), a_fetch(), a_repository())
ALLOWED = Allow("said so")


def failure(run: Any, asking: Any) -> NoAnswer:
    """Why there is no answer."""
    with pytest.raises(NoAnswer) as raised:
        run(asking.authorize(*QUESTION))
    return raised.value


@pytest.mark.parametrize(
    ("how", "kind", "why"),
    [
        ({"status": 500}, BadReply, "status 500, not 200"),
        ({"status": 401}, BadReply, "status 401, not 200; it does not accept the signature"),
        ({"status": 404}, BadReply, "status 404, not 200; is the path in `url`"),
        ({"status": 201}, BadReply, "status 201, not 200"),
        ({"status": 204}, BadReply, "status 204, not 200"),
        ({"status": 503}, ServiceDown, "status 503"),
        ({"status": 302, "header": "Location: /elsewhere"}, BadReply, "status 302, not 200, and redirects are not"),
        ({"status": 307, "header": "Location: /elsewhere"}, BadReply, "status 307, not 200, and redirects are not"),
        ({"type": "text/html"}, BadReply, "the content type is 'text/html', not application/json"),
        ({"type": ""}, BadReply, "the content type is '', not application/json"),
        ({"body": ""}, BadReply, "the body is empty"),
        ({"body": "<html>"}, BadReply, "the body is not JSON"),
        ({"body": '{"decision": "yes"}'}, BadReply, "`decision` is 'yes', not allow, deny or abstain"),
        ({"big": 70_000}, BadReply, "the body is longer than 65536 bytes"),
        ({"header": "Content-Encoding: gzip"}, BadReply, "the body is compressed, which was not asked for"),
        ({"header": "Content-Encoding: br"}, BadReply, "the body is compressed, which was not asked for"),
        ({"raw": "SSH-2.0-OpenSSH_9.2\r\n\r\n"}, ServiceDown, "no whole HTTP reply"),
        ({"raw": "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"}, ServiceDown, "it closed the connection before"),
        ({"raw": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"}, BadReply, "the body is not JSON"),
        ({"close": 1}, ServiceDown, "it closed the connection before its reply was whole"),
        ({"delay": 5}, ServiceDown, "no whole reply within 0."),
        ({"dribble": 0.1}, ServiceDown, "no whole reply within 0."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_answer_fails_in_time(
    service: Any, plugin: Any, run: Any, tag: str, how: dict[str, Any], kind: type, why: str, pause: Any
) -> None:
    is_slow = bool({"delay", "dribble"} & set(how))
    said = failure(run, plugin(service.url(tag, **how), timeout=Duration(0.4 if is_slow else 8)))
    assert (type(said), str(said)[: len(why)]) == (kind, why)
    pause(lambda: service.received(tag))
    assert len(service.received(tag)) == 1


def test_a_reply_may_name_a_charset_and_call_its_body_what_it_is(service: Any, plugin: Any, run: Any, tag: str) -> None:
    how = {"type": "Application/JSON; charset=utf-8", "header": "Content-Encoding: identity"}
    assert run(plugin(service.url(tag, **how)).authorize(*QUESTION)) == ALLOWED


@pytest.fixture
def bomb() -> Iterator[Callable[[], tuple[str, list[bytes]]]]:
    """A service that sends 100 MB as 100 kB, whatever it is asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []

    def serve() -> None:
        body = gzip.compress(b'{"decision": "allow", "x": "' + b"A" * 100_000_000 + b'"}', 1)
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        )
        connection, _ = listener.accept()
        asked.append(connection.recv(65536))
        try:
            connection.sendall(head % len(body) + body)
        except OSError:
            pass  # it was hung up on
        connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield lambda: (f"http://127.0.0.1:{listener.getsockname()[1]}/", asked)
    listener.close()


def test_a_compressed_bomb_is_not_inflated(bomb: Any, plugin: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack: reply with 100 kB that become 100 MB. treq inflates what says that it is compressed, asked for or not."""
    import zlib

    def inflate(*arguments: object) -> None:
        pytest.fail("something was inflated")

    monkeypatch.setattr(zlib, "decompressobj", inflate)
    url, asked = bomb()
    asking = plugin(url, timeout=Duration(8))
    assert str(failure(run, asking)) == "the body is compressed, which was not asked for"
    assert b"accept-encoding: identity\r\n" in asked[0].lower()
    assert b"gzip" not in asked[0]


@pytest.mark.parametrize("flood", [f"X: {'a' * 1000}\r\n", f" {'a' * 1000}\r\n"], ids=["headers", "one header"])
def test_a_head_without_end_is_not_collected(service: Any, plugin: Any, run: Any, tag: str, flood: str) -> None:
    """Attack: reply with headers for as long as the deadline allows. Twisted keeps them all, a hundred megabytes."""
    said = failure(run, plugin(service.url(tag, flood=flood), timeout=Duration(8)))
    assert str(said) == "no whole HTTP reply: ReplyTooLong: more than 524288 bytes"


def test_a_redirect_takes_no_secret_elsewhere(service: Any, plugin: Any, run: Any, tag: str) -> None:
    """Attack (GHSA-vwq2-jx9q-9h9f): have the service redirect, and read the password and the token where it leads."""
    to = service.url(f"{tag}-elsewhere")
    asking = plugin(service.url(tag, status=307, header=f"Location: {to}"), token=Secret("t0ken"))
    with pytest.raises(BadReply):
        run(asking.authenticate(Password(username="alice", password="wonderland"), a_peer()))
    assert service.received(f"{tag}-elsewhere") == []


def test_proxies_of_the_environment_are_not_used(
    service: Any, plugin: Any, run: Any, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attack: set http_proxy for gitgate's unit, and read along."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, service.url(f"{tag}-proxy"))
    monkeypatch.delenv("no_proxy", raising=False)
    assert run(plugin(service.url(tag)).authorize(*QUESTION)) == ALLOWED
    assert service.received(f"{tag}-proxy") == []


def test_cookies_are_not_kept(service: Any, plugin: Any, run: Any, tag: str) -> None:
    asking = plugin(service.url(tag, header="Set-Cookie: session=1; Path=/"))
    for _ in range(2):
        run(asking.authorize(*QUESTION))
    assert [each["headers"].get("Cookie") for each in service.received(tag)] == [None, None]


def test_a_token_goes_into_its_header_and_into_no_log(
    service: Any, plugin: Any, run: Any, tag: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run(plugin(service.url(tag), token=Secret("t0ken")).authorize(*QUESTION))
    (received,) = service.received(tag)
    assert received["headers"]["Authorization"] == "Bearer t0ken"
    assert "t0ken" not in caplog.text


def test_a_connection_is_used_again(service: Any, plugin: Any, run: Any, tag: str) -> None:
    """However much comes over it in all: what is bounded is a reply."""
    asking = plugin(service.url(tag, big=60_000))
    for _ in range(10):
        run(asking.authorize(*QUESTION))
    assert len({each["client"] for each in service.received(tag)}) == 1


def test_a_unix_socket(starting: Any, plugin: Any, run: Any, tag: str, tmp_path: Any) -> None:
    local = starting(str(tmp_path / "s"))
    asking = plugin(local.url(tag))
    assert [run(asking.authorize(*QUESTION)) for _ in range(2)] == [ALLOWED, ALLOWED]
    assert local.received(tag)[0]["headers"]["Host"] == "localhost"


def test_what_was_refused_is_sent_once_more_under_the_same_name(
    starting: Any, plugin: Any, run: Any, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener comes back within the tenth of a second after which the connection is tried again."""
    restarted = starting()
    asking = plugin(restarted.url(tag), timeout=Duration(8))
    restarted.kill()
    monkeypatch.setattr("gitgate_webhook.exchange._PAUSE_SECONDS", 1.0)
    starter = threading.Thread(target=restarted.start)
    starter.start()
    answer = run(asking.authorize(*QUESTION))
    starter.join()
    assert (answer, len(restarted.received(tag))) == (ALLOWED, 1)


def test_what_is_refused_twice_has_failed(plugin: Any, run: Any, free_port: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "gitgate_webhook.exchange")
    said = failure(run, plugin(f"http://127.0.0.1:{free_port()}/"))
    assert str(said).startswith("cannot connect: Connection was refused by other side: 111")
    assert [record.getMessage().endswith("; once more") for record in caplog.records] == [False, True]


IDEMPOTENT = {
    "authorize": lambda asking: asking.authorize(*QUESTION),
    "enrich_identity": lambda asking: asking.enrich_identity(an_identity(), a_peer()),
}


@pytest.mark.parametrize("hook", IDEMPOTENT)
def test_a_connection_that_was_closed_while_idle_costs_nobody_an_answer(
    service: Any, plugin: Any, run: Any, tag: str, hook: str
) -> None:
    """The service closes the connection that it was to be asked over for the second time."""
    asking = plugin(service.url(tag, close_later=1))
    run(asking.authorize(an_identity("first"), a_fetch(), a_repository()))
    with pytest.raises(ServiceDown):  # for the new connection is closed as well
        run(IDEMPOTENT[hook](asking))
    received = service.received(tag)
    assert len(received) == 3
    assert received[1]["headers"]["Webhook-Id"] == received[2]["headers"]["Webhook-Id"]
    assert received[1]["body"] == received[2]["body"]


def test_a_login_is_not_asked_about_twice(service: Any, plugin: Any, run: Any, tag: str) -> None:
    """Attack, by accident: one wrong password, sent again, counts as two, and the account is locked."""
    asking = plugin(service.url(tag, close_later=1))
    run(asking.authorize(*QUESTION))
    with pytest.raises(ServiceDown):
        run(asking.authenticate(Password(username="alice", password="x"), a_peer()))
    assert len(service.received(tag)) == 2


def test_the_log_tells_an_exchange_without_its_secrets(
    service: Any, plugin: Any, run: Any, tag: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "gitgate_webhook")
    url = service.url(tag, body='{"decision": "deny", "reason": "no\\n", "ttl": 5}')
    asking = plugin(url, signing_secrets=(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),))

    for credentials in (Password(username="alice", password="wonderland"), BearerToken(token="wonderland")):
        run(asking.authenticate(credentials, a_peer()))

    assert "wonderland" not in caplog.text
    lines = [record.getMessage() for record in caplog.records]
    name = f"authenticate {service.received(tag)[0]['headers']['Webhook-Id']}"
    assert lines[0].startswith(f"{name}: POST {url} (1 signatures): {{")
    assert '"credentials": {"method": "password", "username": "alice", "password": "(hidden)"}' in lines[0]
    assert lines[1].startswith(f"{name}: status 200, application/json, after ")
    assert lines[1].endswith(' ms: {"decision": "deny", "reason": "no\\n", "ttl": 5}')
    assert lines[2] == f"{name}: understood as deny, ttl 5 s: no\\n"
