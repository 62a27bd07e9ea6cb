from hypothesis import given
from hypothesis import strategies as st

from gitgate.transports.ssh.outbox import Outbox, Piece


def test_an_empty_outbox_has_nothing_to_send() -> None:
    outbox = Outbox()
    outbox.put(b"")

    assert not outbox


def test_pieces_are_cut_to_measure_and_keep_their_stream() -> None:
    outbox = Outbox()
    outbox.put(b"abcde")
    outbox.put(b"no", is_error=True)

    taken = [outbox.take(3), outbox.take(3), outbox.take(3)]

    assert taken == [Piece(b"abc", False), Piece(b"de", False), Piece(b"no", True)]
    assert not outbox


def test_a_cleared_outbox_begins_anew() -> None:
    outbox = Outbox()
    outbox.put(b"abc")
    outbox.take(1)
    outbox.clear()
    outbox.put(b"xyz")

    assert outbox.take(10) == Piece(b"xyz", False)


@given(st.lists(st.tuples(st.binary(max_size=20), st.booleans())), st.lists(st.integers(1, 30), min_size=1))
def test_each_stream_arrives_whole_however_it_is_cut(puts: list[tuple[bytes, bool]], cuts: list[int]) -> None:
    outbox = Outbox()
    for data, is_error in puts:
        outbox.put(data, is_error=is_error)

    taken = []
    while outbox:
        taken.append(outbox.take(cuts[len(taken) % len(cuts)]))

    assert all(taken[i].data and len(taken[i].data) <= cuts[i % len(cuts)] for i in range(len(taken)))
    for stream in (False, True):
        assert b"".join(p.data for p in taken if p.is_error is stream) == b"".join(d for d, e in puts if e is stream)
