"""One connection: order, deadlines, and clients that are answered while they still send."""

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gitgate.refusals import RepositoryNotFound

DEADLINE = 30.0


def test_a_connection_is_kept_for_the_next_request(conversation, discover):
    for _ in range(3):
        conversation.send(*discover)
        conversation.gateway.git.client.write(b"refs")
        conversation.gateway.git.end()
    assert conversation.answer().count(b"HTTP/1.1 200 OK") == 3
    assert not conversation.transport.disconnecting


def test_a_refusal_does_not_close_the_connection(conversation, discover, fetch):
    conversation.gateway.refusal = RepositoryNotFound("x")
    conversation.send(*discover)
    conversation.send(*fetch, b"Content-Length: 0")
    assert conversation.answer().count(b"HTTP/1.1 404 Not Found") == 2
    assert not conversation.transport.disconnecting


def test_a_small_body_that_is_here_when_the_refusal_comes_does_not_close_it_either(conversation, push):
    conversation.gateway.undecided = Deferred()
    conversation.gateway.refusal = RepositoryNotFound("x")
    conversation.send(*push, b"Content-Length: 4", body=b"0000")
    conversation.gateway.undecided.callback(None)
    assert b"Connection: close" not in conversation.answer()
    assert conversation.reading


def test_a_client_that_asks_for_it_is_disconnected_after_the_answer(conversation, discover):
    conversation.send(*discover, b"Connection: close")
    conversation.gateway.git.client.write(b"refs")
    conversation.gateway.git.end()
    assert conversation.transport.disconnecting


def test_pipelined_requests_are_answered_in_their_order(conversation, discover):
    """CVE-2024-41671: the answer to the second request arrives first, and is taken for that to the first."""
    first = b"\r\n".join([*discover, b"Authorization: Basic YWxpY2U6eA=="]) + b"\r\n\r\n"
    second = b"\r\n".join([b"GET /nothing HTTP/1.1", discover[1]]) + b"\r\n\r\n"
    conversation.send_raw(first + second)
    assert conversation.answer() == b""
    conversation.gateway.git.client.write(b"refs")
    conversation.gateway.git.end()
    answer = conversation.answer()
    assert answer.index(b"200 OK") < answer.index(b"404 Not Found")


def test_each_pipelined_request_is_its_own_login(conversation, discover):
    """A request without credentials behind one with them is nobody's."""
    first = b"\r\n".join([*discover, b"Authorization: Basic YWxpY2U6eA=="]) + b"\r\n\r\n"
    conversation.send_raw(first + b"\r\n".join(discover) + b"\r\n\r\n")
    conversation.gateway.git.end()
    assert [login.identity.name for _, login in conversation.gateway.served] == ["alice", "anonymous"]


def test_a_client_that_says_nothing_is_disconnected(conversation):
    conversation.clock.advance(DEADLINE)
    assert conversation.transport.disconnecting


def test_headers_that_come_slowly_do_not_prolong_the_deadline(conversation):
    """Slowloris: a byte now and then holds the connection, for ever where only silence is measured."""
    for byte in b"GET /r.git/info/refs?service=git-upload-pack HTTP/1.1\r\n":
        conversation.send_raw(bytes([byte]))
        conversation.clock.advance(1)
    assert conversation.transport.disconnecting
    assert conversation.gateway.served == []


def test_a_client_that_is_idle_between_requests_is_disconnected(conversation, discover):
    conversation.clock.advance(DEADLINE - 1)
    conversation.send(*discover)
    conversation.clock.advance(10 * DEADLINE)  # git works: its own deadline counts
    assert not conversation.transport.disconnecting
    conversation.gateway.git.end()
    conversation.clock.advance(DEADLINE - 1)
    assert not conversation.transport.disconnecting
    conversation.clock.advance(1)
    assert conversation.transport.disconnecting


def test_a_client_that_does_not_take_the_end_of_its_answer_is_disconnected_in_the_end(conversation, discover):
    aborted = []
    conversation.transport.abortConnection = lambda: aborted.append(True)
    conversation.send(*discover, b"Connection: close")
    conversation.gateway.git.end()
    conversation.clock.advance(DEADLINE - 1)
    assert aborted == []
    conversation.clock.advance(1)
    assert aborted == [True]


def test_a_client_that_is_answered_early_may_go_on_sending_for_a_while(conversation, push):
    """A reset would overtake the answer, and the user would read "connection reset" in place of the reason."""
    conversation.gateway.refusal = RepositoryNotFound("x")
    conversation.send(*push, b"Content-Length: 10000000000", body=b"0000")
    assert conversation.status() == 404
    for _ in range(4):
        conversation.send_raw(bytes(16384))
        assert conversation.reading
    conversation.send_raw(b"GET ")
    assert not conversation.reading
    assert not conversation.transport.disconnecting
    conversation.clock.advance(2)
    assert conversation.transport.disconnected
    assert (conversation.answer(), len(conversation.gateway.served)) == (b"", 1)


def test_what_follows_an_early_answer_is_not_read_as_a_request(conversation, push, discover):
    """A refused push whose pack holds the text of a request must not have it served."""
    conversation.gateway.refusal = RepositoryNotFound("x")
    conversation.send(*push, b"Content-Length: 1000", body=b"0000")
    conversation.send(*discover)
    assert len(conversation.gateway.served) == 1
    assert conversation.answer().count(b"HTTP/1.1") == 1


def test_the_rest_of_the_first_read_is_not_either(conversation, push, discover):
    conversation.gateway.refusal = RepositoryNotFound("x")
    body = b"\r\n".join(discover) + b"\r\n\r\n"
    conversation.send(*push, b"Transfer-Encoding: chunked", body=b"4\r\n0000\r\n0\r\n\r\n" + body)
    assert len(conversation.gateway.served) == 1
    assert conversation.answer().count(b"HTTP/1.1") == 1


def test_a_git_that_ends_before_the_body_does_is_a_whole_answer(conversation, push):
    conversation.send(*push, b"Content-Length: 1000", body=b"0000")
    conversation.gateway.git.client.write(b"no")
    conversation.gateway.git.end()
    assert conversation.answer().endswith(b"2\r\nno\r\n0\r\n\r\n")
    conversation.send_raw(b"the rest")
    conversation.clock.advance(2)
    assert conversation.transport.disconnecting


def test_who_goes_on_sending_while_we_close_is_disconnected_all_the_same(conversation, push):
    """TLS brings what comes until the client has said goodbye, and each byte of it moved the deadline."""
    aborted = []
    conversation.transport.abortConnection = lambda: aborted.append(True)
    conversation.send(*push, b"Content-Length: 1000", body=b"0000")
    conversation.gateway.git.end()
    conversation.clock.advance(2)
    assert conversation.transport.disconnecting
    for _ in range(int(DEADLINE)):
        conversation.send_raw(b"x")
        conversation.clock.advance(1)
    assert aborted == [True]


def test_a_client_that_is_gone_is_waited_for_no_more_whatever_git_still_takes(conversation, push):
    conversation.send(*push, b"Content-Length: 1000", body=b"0000")
    client = conversation.gateway.git.client
    client.pauseProducing()
    conversation.channel.connectionLost(Failure(ConnectionDone()))
    client.resumeProducing()
    assert conversation.clock.getDelayedCalls() == []


def test_the_pack_of_a_push_that_git_refuses_is_read_to_its_end(conversation, push):
    """git sends the whole pack before it reads the answer: without that, the user sees "RPC failed; curl 55"."""
    conversation.send(*push, b"Content-Length: 10000000", body=b"0000")
    conversation.gateway.git.client.write(b"unpack index-pack failed")
    conversation.gateway.git.end()
    for _ in range(20):
        conversation.clock.advance(1)
        conversation.send_raw(bytes(65536))
        assert conversation.reading
    assert not conversation.transport.disconnecting
    conversation.clock.advance(2)
    assert conversation.transport.disconnecting


def test_pipelined_bytes_are_kept_within_bounds_while_git_runs(conversation, discover):
    conversation.send(*discover)
    conversation.send_raw(bytes(65536))
    assert not conversation.reading


def test_a_server_that_stops_can_close_the_connection(conversation):
    conversation.connections.abort()
    assert conversation.transport.disconnecting


def test_a_unix_socket_has_no_address(conversation, discover):
    channel = conversation.site.buildProtocol(None)
    channel.makeConnection(StringTransport(peerAddress=UNIXAddress("/run/gitgate.sock")))
    channel.dataReceived(b"\r\n".join(discover) + b"\r\n\r\n")
    assert (channel.peer.address, channel.peer.port) == ("", 0)


def test_a_full_house_turns_clients_away(conversation):
    for _ in range(9):
        conversation.site.buildProtocol(None).makeConnection(StringTransport())
    one_more = StringTransport()
    conversation.site.buildProtocol(None).makeConnection(one_more)
    assert one_more.value().startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 10\r\n" in one_more.value()
    assert one_more.value().endswith(b"\r\nConnection: close\r\n\r\ntoo busy, try again later\n")
    assert one_more.disconnecting
    assert not conversation.transport.disconnecting


def test_a_closed_connection_is_no_longer_counted(conversation):
    for _ in range(50):
        channel = conversation.site.buildProtocol(None)
        channel.makeConnection(StringTransport())
        channel.connectionLost(None)
    assert conversation.connections.admit(None) is None


def test_nothing_waits_once_the_connection_is_closed(conversation, discover):
    conversation.send(*discover)
    conversation.gateway.git.end()
    conversation.channel.connectionLost(None)
    assert conversation.clock.getDelayedCalls() == []
