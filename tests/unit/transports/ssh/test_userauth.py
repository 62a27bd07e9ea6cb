"""Logins, by a client that does what it likes."""

import logging
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.keys import Key
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import globalLogPublisher

from gitgate.plugin import BearerToken, Identity, Password, PublicKey, Verdict
from gitgate.refusals import CredentialsRefused, Unavailable
from gitgate.transports.ssh.public_key import fingerprint_of

BANNER, FAILURE, SUCCESS, PK_OK, DISCONNECT = 53, 51, 52, 60, 1
REFUSED = (FAILURE, NS(b"publickey,password") + b"\0")

ALICE, MALLORY = Key(Ed25519PrivateKey.generate()), Key(Ed25519PrivateKey.generate())


def question(username: str, key: Key, algorithm: bytes = b"ssh-ed25519") -> bytes:
    return (
        NS(username.encode())
        + NS(b"ssh-connection")
        + NS(b"publickey")
        + b"\0"
        + NS(algorithm)
        + NS(key.public().blob())
    )


def signed(line: Any, username: str, key: Key, signer: Key | None = None) -> bytes:
    packet = question(username, key).replace(NS(b"publickey") + b"\0", NS(b"publickey") + b"\1")
    session_id = line.client.sessionID
    return packet + NS((signer or key).sign(NS(session_id) + b"\x32" + packet))


def none(username: str = "alice") -> bytes:
    return NS(username.encode()) + NS(b"ssh-connection") + NS(b"none")


@pytest.fixture
def login(line: Any) -> Any:
    line.begin_login()
    return line


def test_a_password_logs_in(login: Any, gateway: Any, caplog: pytest.LogCaptureFixture) -> None:
    login.send(50, login.password("alice", "secret"))

    assert login.take() == [(SUCCESS, b"")]
    assert gateway.asked == [Password(username="alice", password="secret")]
    assert [record.getMessage() for record in caplog.records] == ["ssh 192.0.2.7: alice logged in as alice by password"]


def test_a_signature_logs_in(login: Any, gateway: Any, caplog: pytest.LogCaptureFixture) -> None:
    login.send(50, signed(login, "git", ALICE))

    assert login.take() == [(SUCCESS, b"")]
    [key] = gateway.asked
    assert (key.username, key.algorithm, key.blob, key.verified) == ("git", "ssh-ed25519", ALICE.public().blob(), True)
    assert caplog.records[-1].getMessage().endswith(f"by publickey {key.fingerprint}")


def test_a_question_about_a_key_is_answered_and_logs_nobody_in(login: Any, gateway: Any) -> None:
    login.send(50, question("alice", ALICE))

    assert login.take() == [(PK_OK, NS(b"ssh-ed25519") + NS(ALICE.public().blob()))]
    assert [key.verified for key in gateway.asked] == [False]
    login.send(90, NS(b"session") + b"\0" * 12)
    assert [message for message, _ in login.take()] == [3]


def test_a_key_that_would_not_do_is_refused_at_the_question(login: Any, gateway: Any) -> None:
    gateway.judge = lambda credentials: CredentialsRefused("unknown")

    login.send(50, question("alice", ALICE))

    assert login.take() == [REFUSED]


def test_who_offers_a_key_of_somebody_else_acts_as_oneself(login: Any, gateway: Any) -> None:
    """GHSA-pchf-49fh-w34r: mallory offers alice's public key, which anybody can have, and does not sign. The server
    remembers alice. Then mallory signs with a key of her own."""
    names = {ALICE.public().blob(): "alice", MALLORY.public().blob(): "mallory"}
    gateway.judge = lambda credentials: Identity(name=names[credentials.blob])

    login.send(50, question("git", ALICE))
    login.send(50, signed(login, "git", MALLORY))
    assert [message for message, _ in login.take()] == [PK_OK, SUCCESS]
    login.execute(login.open_session(), b"git-upload-pack '/a.git'")

    assert [name for name, _ in gateway.requests] == ["mallory"]


def test_a_key_that_failed_leaves_nothing_for_the_password_that_follows(login: Any, gateway: Any) -> None:
    """CVE-2024-28080: a key names alice and fails, then a password of mallory succeeds as alice."""
    gateway.judge = lambda c: CredentialsRefused("revoked") if isinstance(c, PublicKey) else Identity(name=c.username)

    login.send(50, signed(login, "alice", ALICE))
    login.send(50, login.password("mallory", "secret"))
    login.take()
    login.execute(login.open_session(), b"git-upload-pack '/a.git'")

    assert [name for name, _ in gateway.requests] == ["mallory"]


def test_a_wrong_signature_is_refused_before_any_plugin_is_asked(login: Any, gateway: Any) -> None:
    login.send(50, signed(login, "alice", ALICE, signer=MALLORY))

    assert login.take() == [REFUSED]
    assert gateway.asked == []


def test_a_signature_for_another_connection_is_refused(login: Any, make_line: Any, gateway: Any) -> None:
    """A server that alice logs in to passes her signature on to this one."""
    other = make_line(gateway)
    other.begin_login()

    login.send(50, signed(other, "alice", ALICE))

    assert login.take() == [REFUSED]
    assert gateway.asked == []


def test_a_signature_for_another_name_is_refused(login: Any, gateway: Any) -> None:
    login.send(50, signed(login, "alice", ALICE).replace(NS(b"alice"), NS(b"admin")))

    assert login.take() == [REFUSED]


@pytest.mark.parametrize("algorithm", [b"ssh-rsa", b"ssh-dss", b"\xff\xfe", b"ssh-ed25519-cert-v01@openssh.com"])
def test_a_key_with_an_algorithm_that_is_not_taken_is_refused(login: Any, algorithm: bytes) -> None:
    login.send(50, question("alice", ALICE, algorithm))

    assert login.take() == [REFUSED]


def test_none_tells_the_methods(login: Any) -> None:
    login.send(50, none())

    assert login.take() == [REFUSED]


@pytest.mark.parametrize(
    ("accepted", "methods"),
    [({PublicKey}, b"publickey"), ({Password}, b"password"), ({BearerToken}, b"")],
)
def test_only_methods_that_some_plugin_knows_are_offered(
    make_line: Any, gateway: Any, accepted: set[type], methods: bytes
) -> None:
    gateway.accepted = frozenset(accepted)
    line = make_line(gateway)
    line.begin_login()

    line.send(50, none())

    assert line.take() == [(FAILURE, NS(methods) + b"\0")]


@pytest.mark.parametrize("accepted", [frozenset({PublicKey}), frozenset()])
def test_a_password_where_nobody_has_one_is_refused_by_the_gateway_which_records_it(
    make_line: Any, gateway: Any, accepted: frozenset[type]
) -> None:
    """Attack: guess passwords where only keys log in. The source was turned away, and no record said for what."""
    gateway.accepted = accepted
    gateway.judge = lambda credentials: CredentialsRefused("no plugin knows them")
    line = make_line(gateway)
    line.begin_login()

    line.send(50, line.password("alice", "secret"))

    assert [message for message, _ in line.take()] == [FAILURE]
    assert gateway.asked == [Password(username="alice", password="secret")]


def test_a_question_about_a_key_where_nobody_has_one_is_not_asked(make_line: Any, gateway: Any) -> None:
    gateway.accepted = frozenset({Password})
    line = make_line(gateway)
    line.begin_login()

    line.send(50, question("alice", ALICE))

    assert line.take() == [(FAILURE, NS(b"password") + b"\0")]
    assert gateway.asked == []


def test_where_nobody_can_log_in_everybody_is_anonymous(make_line: Any, gateway: Any) -> None:
    gateway.accepted = frozenset()
    line = make_line(gateway)
    line.begin_login()

    line.send(50, none())
    assert line.take() == [(SUCCESS, b"")]
    line.execute(line.open_session(), b"git-upload-pack '/a.git'")

    assert [name for name, _ in gateway.requests] == ["anonymous"]


def test_an_outage_is_told_and_is_not_a_wrong_password(login: Any, gateway: Any) -> None:
    gateway.judge = lambda credentials: Unavailable("ldap: no server", request_id="0123456789")

    login.send(50, login.password("alice", "secret"))

    (banner, text), refused = login.take()
    assert banner == BANNER
    assert re.fullmatch(rb"\0\0\0.gitgate: temporarily unavailable \(id [0-9a-f]{10}\)\r\n\0\0\0\0", text)
    assert refused == REFUSED


def test_a_fault_of_our_own_is_an_outage_with_a_traceback_in_the_log(
    login: Any, gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.judge = lambda credentials: RuntimeError("a fault")

    login.send(50, login.password("alice", "secret"))

    assert [message for message, _ in login.take()] == [BANNER, FAILURE]
    assert [(record.levelno, record.exc_info is not None) for record in caplog.records] == [(logging.ERROR, True)]
    caplog.clear()


def test_the_sixth_wrong_password_is_the_last(login: Any, gateway: Any) -> None:
    gateway.judge = lambda credentials: CredentialsRefused("wrong")

    for number in range(8):
        login.send(50, login.password("alice", f"guess {number}"))

    received = login.take()
    assert [message for message, _ in received] == [FAILURE] * 5 + [DISCONNECT]
    assert received[-1][1].startswith(b"\0\0\0\x0e\0\0\0\x17too many login attempts")
    assert len(gateway.asked) == 6


def test_passwords_that_are_sent_at_once_are_not_tried(login: Any, gateway: Any) -> None:
    """1,001 passwords in one write, the right one last: conch had logged in after 0.14 s, for it counts the failures
    when their answers come."""
    gateway.judge = lambda credentials: Deferred()
    for number in range(100):
        login.client.sendPacket(50, login.password("alice", f"guess {number}"))

    login.carry()

    [(message, payload)] = login.take()
    assert message == DISCONNECT
    assert b"another login request is still being answered" in payload
    assert gateway.asked == [Password(username="alice", password="guess 0")]


def test_an_answer_that_comes_after_the_client_was_sent_away_logs_nobody_in(
    login: Any, gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Two requests at once, for two users: the connection ends at the second. The first has an answer all the same."""

    async def stubborn() -> Identity:
        try:
            await Deferred()
        except CancelledError:
            pass
        return Identity(name="alice")

    gateway.judge = lambda credentials: stubborn()
    login.send(50, login.password("alice", "secret"))

    login.send(50, login.password("mallory", "secret"))

    assert [message for message, _ in login.take()] == [DISCONNECT]
    assert caplog.messages == []


def test_an_agent_with_twenty_keys_finds_the_right_one(login: Any, gateway: Any) -> None:
    gateway.judge = lambda c: Identity(name="alice") if c.blob == ALICE.public().blob() else CredentialsRefused("no")
    login.send(50, none())
    for _ in range(19):
        login.send(50, question("git", Key(Ed25519PrivateKey.generate())))

    login.send(50, question("git", ALICE))
    login.send(50, signed(login, "git", ALICE))

    assert [message for message, _ in login.take()] == [FAILURE] * 20 + [PK_OK, SUCCESS]


def test_keys_that_are_not_taken_are_questions_too(login: Any) -> None:
    """An agent holds certificates and old keys; the right key comes after them."""
    for _ in range(10):
        login.send(50, question("git", ALICE, b"ssh-ed25519-cert-v01@openssh.com"))
    login.send(50, signed(login, "git", ALICE))

    assert [message for message, _ in login.take()] == [FAILURE] * 10 + [SUCCESS]


def test_a_question_about_a_key_that_is_not_taken_is_no_operation(login: Any, gateway: Any) -> None:
    """A certificate in somebody's agent: a line in the audit log for each, and fail2ban's idea of an attack."""
    told: list[str] = []
    gateway.malformed = lambda reason, *rest: told.append(reason)

    login.send(50, question("git", ALICE, b"ssh-ed25519-cert-v01@openssh.com"))
    assert told == []
    login.send(50, signed(login, "git", ALICE, MALLORY))

    assert len(told) == 1


def test_keys_that_are_refused_before_the_right_one_are_not_told(login: Any, gateway: Any) -> None:
    gateway.judge = lambda c: Identity(name="alice") if c.blob == ALICE.public().blob() else CredentialsRefused("no")

    login.send(50, question("git", MALLORY))
    login.send(50, signed(login, "git", ALICE))
    login.lose()

    assert gateway.records == []


def test_a_connection_that_ends_without_a_login_tells_once_which_keys_were_refused_and_why(
    login: Any, gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """ssh signs with no key that is refused at the question. "Permission denied (publickey)" was all that was seen."""
    expired = Key(Ed25519PrivateKey.generate())
    why = {expired.public().blob(): CredentialsRefused("it expired", plugin="keys")}
    gateway.judge = lambda c: why.get(c.blob, CredentialsRefused("no plugin knows the key"))
    first, second = fingerprint_of(MALLORY.public().blob()), fingerprint_of(expired.public().blob())

    login.send(50, none("alice"))
    login.send(50, question("alice", MALLORY))
    login.send(50, question("alice", expired))
    assert gateway.records == []
    login.lose()

    [record] = gateway.records
    assert (record.verdict, record.username, record.method, record.identity) == (
        *(Verdict.REJECTED, "alice", "publickey"),
        None,
    )
    assert (record.plugin, record.fingerprint) == ("keys", second)
    assert record.reason == f"{second}: it expired; {first}: no plugin knows the key"
    [line] = [one for one in caplog.records if "login by key" in one.getMessage()]
    assert line.levelno == logging.INFO
    assert line.getMessage().startswith(f"ssh 192.0.2.7 'alice' login by key: rejected (keys: {record.reason})")


def test_of_many_refused_keys_some_are_told_and_the_others_are_counted(login: Any, gateway: Any) -> None:
    gateway.judge = lambda credentials: CredentialsRefused("no plugin knows the key")

    for _ in range(24):
        login.send(50, question("alice", Key(Ed25519PrivateKey.generate())))
    login.send(50, question("alice", ALICE))

    [record] = gateway.records
    assert record.reason.count("SHA256:") == 4
    assert record.reason.endswith("; and 21 more keys")
    login.lose()
    assert len(gateway.records) == 1


def test_a_key_of_a_kind_that_is_not_taken_is_told_where_no_login_follows(login: Any, gateway: Any) -> None:
    login.send(50, question("alice", ALICE, b"ssh-dss"))
    login.lose()

    [record] = gateway.records
    told = "ssh-dss with a key of type ssh-ed25519 is not taken"
    assert record.reason == f"{fingerprint_of(ALICE.public().blob())}: {told}"


def test_an_outage_while_keys_were_asked_about_is_told_as_one_with_the_id_that_the_client_has(
    login: Any, gateway: Any
) -> None:
    outage = Unavailable("authenticate is late", request_id="0123456789", plugin="ldap")
    gateway.judge = lambda c: outage if c.blob == ALICE.public().blob() else CredentialsRefused("unknown")

    login.send(50, question("alice", MALLORY))
    login.send(50, question("alice", ALICE))
    told = b"".join(payload for message, payload in login.take() if message == BANNER)
    login.lose()

    [record] = gateway.records
    assert (record.verdict, record.plugin) == (Verdict.FAILED, "ldap")
    assert record.request_id.encode() in told


def test_the_number_of_attempts_can_be_set(make_line: Any, gateway: Any) -> None:
    gateway.judge = lambda credentials: CredentialsRefused("wrong")
    line = make_line(gateway, max_login_attempts=1)
    line.begin_login()

    line.send(50, line.password("alice", "guess"))

    assert [message for message, _ in line.take()] == [DISCONNECT]


def test_questions_have_an_end(login: Any) -> None:
    """Whether somebody has an account with a certain key can be asked for, here for 25 keys and no more."""
    for _ in range(30):
        login.send(50, question("alice", ALICE))

    assert [message for message, _ in login.take()] == [PK_OK] * 24 + [DISCONNECT]


def test_a_second_service_request_ends_the_connection(login: Any, gateway: Any) -> None:
    """A service request between the guesses made conch count from the start: 60 of 60 wrong passwords were tried."""
    gateway.judge = lambda credentials: CredentialsRefused("wrong")
    login.send(50, login.password("alice", "guess"))
    login.send(5, NS(b"ssh-userauth"))
    login.send(50, login.password("alice", "guess"))

    assert [message for message, _ in login.take()] == [FAILURE, DISCONNECT]
    assert len(gateway.asked) == 1


def test_a_login_for_another_service_ends_the_connection(login: Any, gateway: Any) -> None:
    login.send(50, login.password("alice", "secret", service=b"ssh-userauth"))

    assert [message for message, _ in login.take()] == [DISCONNECT]
    assert gateway.asked == []


@pytest.mark.parametrize("name", [b"", b"\xff", b"a\0b", b"\x1b[2J", b"x" * 256])
def test_a_malformed_user_name_is_refused(login: Any, gateway: Any, name: bytes) -> None:
    login.send(50, NS(name) + NS(b"ssh-connection") + NS(b"password") + b"\0" + NS(b"secret"))

    assert login.take() == [REFUSED]
    assert gateway.asked == []


def test_a_password_change_is_refused(login: Any, gateway: Any) -> None:
    login.send(50, NS(b"alice") + NS(b"ssh-connection") + NS(b"password") + b"\1" + NS(b"old") + NS(b"new"))

    assert login.take() == [REFUSED]
    assert gateway.asked == []


def test_a_client_that_goes_during_the_login_cancels_it(login: Any, gateway: Any) -> None:
    cancelled: list[object] = []
    gateway.judge = lambda credentials: Deferred(cancelled.append)
    login.send(50, login.password("alice", "secret"))

    login.lose()

    assert len(cancelled) == 1


def test_passwords_stand_in_no_log(line: Any, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> None:
    """conch logs messages that it does not know, whole: a password that is sent too early, in another message, or once
    more after the login."""
    seen: list[str] = []

    def see(event: object) -> None:
        seen.append(str(event))

    globalLogPublisher.addObserver(see)
    request.addfinalizer(lambda: globalLogPublisher.removeObserver(see))
    line.carry()
    line.send(50, line.password("alice", "hunter2"))
    line.send(5, NS(b"ssh-userauth"))
    line.send(61, NS(b"hunter2"))
    line.send(50, line.password("alice", "hunter2"))
    line.send(50, line.password("alice", "hunter2"))
    line.send(61, NS(b"hunter2"))

    assert [message for message, _ in line.take()] == [7, 3, 6, 3, 52, 3]
    assert "hunter2" not in caplog.text + "".join(seen)
