"""Compressed bodies."""

import gzip
import os
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.transports.http.inflate import PIECE, Inflater
from gitgate.wire.http_target import Unserved
from gitgate.wire.malformed import Malformed


def drain(inflater: Inflater) -> bytes:
    return b"".join(iter(inflater.read, b""))


@given(st.binary(max_size=5000), st.integers(1, 100), st.integers(1, 200))
def test_what_was_compressed_comes_out_whatever_the_network_cuts(data, times, cut):
    compressed = gzip.compress(data * times)
    inflater = Inflater()
    inflated = b""
    for start in range(0, len(compressed), cut):
        inflater.feed(compressed[start : start + cut])
        inflated += drain(inflater)
    inflater.end()
    assert inflated == data * times


def test_what_inflates_costs_one_piece_at_a_time():
    """1. A client sends 64 KiB that inflate to 6 MiB. 2. git reads slowly. 3. Without a bound, memory takes it all."""
    compressed = gzip.compress(os.urandom(2**16) + bytes(6 * 2**20))
    inflater = Inflater()
    tracemalloc.start()
    inflater.feed(compressed)
    sizes = set()
    total = 0
    while piece := inflater.read():
        sizes.add(len(piece))
        total += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    inflater.end()
    assert (total, max(sizes)) == (6 * 2**20 + 2**16, PIECE)
    assert peak < 2**20


def test_a_bomb_is_too_large_however_large_it_may_be():
    """A push has no bound here, and each second of 1 MB/s kept the server busy for three, whoever threw it away."""
    compressed = gzip.compress(bytes(64 * 2**20))
    inflater = Inflater()
    inflater.feed(compressed)
    pieces = iter(inflater.read, b"")
    taken: list[bytes] = []
    with pytest.raises(Unserved, match="inflates more than 100 times") as refused:
        taken.extend(pieces)
    assert refused.value.status == 413
    assert sum(map(len, taken)) <= 100 * len(compressed)


@pytest.mark.parametrize(
    "data", [b"no gzip at all", zlib.compress(b"the zlib format"), b"\x1f\x8b\x08\xff" + bytes(99)]
)
def test_another_format_is_malformed(data):
    inflater = Inflater()
    inflater.feed(data)
    with pytest.raises(Malformed, match="is not the gzip stream"):
        drain(inflater)


@pytest.mark.parametrize("length", [0, 1, 15, -1])
def test_a_stream_that_ends_too_early_is_malformed(length):
    inflater = Inflater()
    inflater.feed(gzip.compress(b"0000" * 100)[:length])
    drain(inflater)
    with pytest.raises(Malformed, match="ends in the middle"):
        inflater.end()


def test_bytes_behind_the_stream_are_malformed():
    """Two readers may differ about a second stream: the one that judges takes the first, git would take both."""
    inflater = Inflater()
    inflater.feed(gzip.compress(b"0000") + gzip.compress(b"0001"))
    with pytest.raises(Malformed, match="goes on behind"):
        drain(inflater)


def test_bytes_that_come_later_are_so_too():
    inflater = Inflater()
    inflater.feed(gzip.compress(b"0000"))
    assert drain(inflater) == b"0000"
    inflater.feed(b"\n")
    with pytest.raises(Malformed, match="goes on behind"):
        drain(inflater)
