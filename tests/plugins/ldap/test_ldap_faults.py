"""What goes wrong with servers: each time an outage, on time, and over when the server is back."""

import resource
import socket
import threading
import time

import pytest
from fake_directory import BIND, BIND_ANSWER, SEARCH_DONE, answer, entry, operation, result
from gitgate_ldap.errors import DirectoryError, NoServer, ServerFailed
from slapd import PEOPLE, SERVICE_PASSWORD
from waiting import wait_until

from gitgate.plugin import Identity, Rejected

BOB = f"uid=bob,{PEOPLE}"

#: The cache would answer for a server that is down. Two seconds are enough for one that is well, on a busy machine too.
EACH_TIME = {"cache": {"ttl": "0s", "negative_ttl": "0s"}, "timeout": "2s", "connect_timeout": "2s"}

#: Where no server is well, nobody need be waited for.
IN_VAIN = {**EACH_TIME, "timeout": "300ms", "connect_timeout": "300ms"}


def test_a_killed_server_is_an_outage_and_a_restarted_one_needs_no_restart_of_ours(ldap, log_in, another_slapd, clock):
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap], **EACH_TIME)
    assert isinstance(log_in(plugin, "bob"), Identity)
    directory.kill()
    for _ in range(3):
        with pytest.raises(DirectoryError, match="Connection refused"):
            log_in(plugin, "bob")
    directory.start()
    clock.advance(1)
    assert log_in(plugin, "bob", "wrong") == Rejected("wrong password")
    assert isinstance(log_in(plugin, "bob"), Identity)


@pytest.mark.parametrize(
    "people", [{}, {"user_base": None, "user_dn": f"uid={{username}},{PEOPLE}"}], ids=["searched", "bound directly"]
)
def test_a_frozen_server_is_waited_for_once(people, ldap, log_in, another_slapd, clock):
    """The system goes on accepting connections for it. What was connected before is of no more use either."""
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap], **people, **EACH_TIME)
    assert isinstance(log_in(plugin, "bob"), Identity)
    directory.freeze()
    with pytest.raises(DirectoryError, match=r"no answer within 2 s"):
        log_in(plugin, "bob")
    clock.advance(1)
    with pytest.raises(DirectoryError, match=r"no answer within 2 s$"):
        log_in(plugin, "bob")
    clock.advance(1)  # it was in vain twice: the pause is longer now
    for _ in range(50):
        with pytest.raises(NoServer, match=r"no answer within 2 s \(1 s ago\)"):
            log_in(plugin, "bob")
    directory.thaw()
    clock.advance(1)
    assert isinstance(log_in(plugin, "bob"), Identity)


def test_a_server_that_is_slow_is_waited_for(ldap, log_in, another_slapd):
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap], **{**EACH_TIME, "connect_timeout": "8s", "timeout": "8s"})
    directory.freeze()
    threading.Timer(0.3, directory.thaw).start()
    assert isinstance(log_in(plugin, "bob"), Identity)


def test_a_server_without_free_file_descriptors_is_an_outage_until_it_has_some(ldap, log_in, another_slapd, clock):
    """The system goes on taking connections for it. It looks at them again when one that it has is closed."""
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap], **EACH_TIME)
    with socket.create_connection(("localhost", directory.port)) as another_client:
        another_client.sendall(bytes.fromhex("300c020101600702010304008000"))  # an anonymous bind
        assert another_client.recv(100)
        restore = directory.run_out_of_descriptors()
        with pytest.raises(DirectoryError, match=r"no answer within 2 s"):
            log_in(plugin, "bob")
        restore()
    give_up = time.monotonic() + 30
    while True:
        clock.advance(30)
        socket.create_connection(("localhost", directory.tls_port)).close()  # slapd may not look without an event
        try:
            answer = log_in(plugin, "bob")
            break
        except DirectoryError:
            assert time.monotonic() < give_up
    assert isinstance(answer, Identity)


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_the_second_server_takes_over_without_a_refusal(fault, ldap, log_in, another_slapd):
    first, second = another_slapd(), another_slapd()
    plugin = ldap(uris=[first.ldap, second.ldap], **EACH_TIME)
    assert isinstance(log_in(plugin, "bob"), Identity)
    getattr(first, fault)()
    answers = [log_in(plugin, "bob"), log_in(plugin, "bob", "wrong"), log_in(plugin, "bob")]
    assert [type(answer) for answer in answers] == [Identity, Rejected, Identity]
    assert (first.binds(BOB), second.binds(BOB)) == ([0], [0, 49, 0])


def test_the_first_server_is_used_again_when_it_is_back(ldap, log_in, another_slapd, clock):
    first, second = another_slapd(), another_slapd()
    plugin = ldap(uris=[first.ldap, second.ldap], pool={"idle": "1s"}, **EACH_TIME)
    first.kill()
    log_in(plugin, "bob")
    first.start()
    clock.advance(1)
    log_in(plugin, "bob")
    assert (first.binds(BOB), second.binds(BOB)) == ([0], [0])


def test_a_restart_between_two_logins_is_not_noticed(ldap, log_in, another_slapd):
    """The connection that was kept is broken, and is replaced."""
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap], **EACH_TIME)
    log_in(plugin, "bob")
    directory.kill()
    directory.start()
    assert isinstance(log_in(plugin, "bob"), Identity)


def test_a_bind_whose_answer_never_came_is_not_tried_at_another_server(ldap, log_in, fake, slapd):
    """1. A server takes the password, and hangs. 2. The next one counts it as well. 3. A wrong one counts twice."""
    person = entry(BOB, uid="bob")

    def hang_at_passwords(request):
        if operation(request) == BIND:
            return answer(request, result(BIND_ANSWER, 0)) if SERVICE_PASSWORD.encode() in request else None
        return answer(request, person, result(SEARCH_DONE, 0))

    server = fake(hang_at_passwords)
    binds_before = slapd.binds(BOB)
    plugin = ldap(uris=[server.uri, slapd.ldap], group_base=None, **EACH_TIME)
    with pytest.raises(ServerFailed, match=r"no answer within 2 s"):
        log_in(plugin, "bob", "once-and-no-more")
    assert sum(b"once-and-no-more" in request for request in server.received) == 1
    assert slapd.binds(BOB) == binds_before
    assert isinstance(log_in(plugin, "bob"), Identity)
    assert slapd.binds(BOB) == [*binds_before, 0]


def test_a_bind_that_reached_no_server_is_tried_at_the_next(ldap, log_in, slapd):
    binds_before = slapd.binds(BOB)
    plugin = ldap(uris=["ldap://127.0.0.1:1", slapd.ldap], user_base=None, user_dn=f"uid={{username}},{PEOPLE}")
    assert isinstance(log_in(plugin, "bob"), Identity)
    assert slapd.binds(BOB) == [*binds_before, 0]


@pytest.mark.parametrize("code", [1, 2, 8, 13, 51, 52, 80])
def test_a_bind_that_was_not_judged_is_an_outage_and_not_a_wrong_password(code, ldap, log_in, fake):
    """Told that the password is wrong, git forgets the right one."""
    person = entry(BOB, uid="bob")

    def judge_nobody(request):
        if operation(request) == BIND:
            return answer(request, result(BIND_ANSWER, 0 if SERVICE_PASSWORD.encode() in request else code, "not now"))
        return answer(request, person, result(SEARCH_DONE, 0))

    with pytest.raises(DirectoryError, match="the directory did not judge the password: .*: not now"):
        log_in(ldap(uris=[fake(judge_nobody).uri]), "bob")


GARBAGE = {
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "nothing but zeros": bytes(100),
    "an empty message": bytes.fromhex("3000"),
    "a number and nothing else": bytes.fromhex("3003020101"),
    "another number": bytes.fromhex("300c02027fff61070a010004000400"),
    "another operation": bytes.fromhex("300c02010165070a010004000400"),
    "a length without end": bytes.fromhex("3084ffffffff"),
    "an indefinite length": bytes.fromhex("3080020101"),
    "a notice of disconnection": bytes.fromhex("3024020100781f0a0134040004008a16") + b"1.3.6.1.4.1.1466.20036",
    "ones": b"\xff" * 100,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_a_server_that_talks_nonsense_is_passed_by(garbage, ldap, log_in, fake, slapd):
    server = fake(lambda request: garbage)
    assert isinstance(log_in(ldap(uris=[server.uri, slapd.ldap], **EACH_TIME), "bob"), Identity)
    with pytest.raises(NoServer):
        log_in(ldap(uris=[server.uri], **IN_VAIN), "bob")


def test_a_server_that_never_stops_talking_is_not_listened_to(ldap, log_in, fake):
    """1. An answer that announces two gigabytes begins. 2. It is kept until it is complete."""
    server = fake(lambda request: bytes.fromhex("30847fffffff") + bytes(5_000_000))
    with pytest.raises(NoServer, match="an answer of more than 4096 KiB"):
        log_in(ldap(uris=[server.uri], connect_timeout="60s", timeout="60s"), "bob")


def test_a_server_that_sends_a_byte_at_a_time_is_not_waited_for_longer_than_any(ldap, log_in, fake):
    """A timeout of the socket alone would begin anew with each byte."""
    stop = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def dribble() -> None:
        client, _ = listening.accept()
        with client:
            client.sendall(bytes.fromhex("30847fffffff"))
            while not stop.wait(0.05):
                try:
                    client.sendall(b"\0")
                except OSError:
                    return

    thread = threading.Thread(target=dribble, daemon=True)
    thread.start()
    uri = f"ldap://127.0.0.1:{listening.getsockname()[1]}"
    with pytest.raises(NoServer, match=r"no answer within 0\.3 s"):
        log_in(ldap(uris=[uri], **IN_VAIN), "bob")
    stop.set()
    thread.join(30)
    listening.close()


@pytest.fixture
def black_hole():
    """A port where nobody answers: the queue of connections that wait to be accepted is full."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    waiting = []
    for _ in range(20):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(listening.getsockname())
        waiting.append(client)
    time.sleep(0.02)
    yield f"ldap://127.0.0.1:{listening.getsockname()[1]}"
    for each in (listening, *waiting):
        each.close()


def test_a_server_that_swallows_packets_costs_one_deadline_and_not_one_for_each_login(ldap, log_in, black_hole, slapd):
    plugin = ldap(uris=[black_hole], **IN_VAIN)
    with pytest.raises(NoServer, match=r"no answer within 0\.3 s$"):
        log_in(plugin, "bob")
    for _ in range(50):
        with pytest.raises(NoServer, match="ago"):
            log_in(plugin, "bob")
    assert isinstance(log_in(ldap(uris=[black_hole, slapd.ldap], **EACH_TIME), "bob"), Identity)


def test_without_a_free_file_descriptor_it_is_an_outage_and_afterwards_none(ldap, log_in, slapd, clock):
    plugin = ldap(**EACH_TIME)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(DirectoryError) as raised:
            log_in(plugin, "bob")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert slapd.ldap in str(raised.value)
    clock.advance(1)
    assert isinstance(log_in(plugin, "bob"), Identity)


def test_the_end_leaves_no_connection(ldap, log_in, another_slapd):
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap])
    for username in ("Alice", "bob", "jsmith"):
        log_in(plugin, username)
    plugin.stopping()

    def all_are_closed() -> bool:
        return directory.log().count(" closed") >= directory.log().count("ACCEPT from IP")

    wait_until(all_are_closed, "a connection is open")
