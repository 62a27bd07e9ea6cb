"""A compressed body: no piece of it is longer than it may be, and it is gzip as Python's own reader sees it."""

import gzip
import zlib

from gitgate.transports.http.inflate import PIECE, Inflater
from gitgate.wire.malformed import Malformed

_MOST = 4 * 2**20


def fuzz(data: bytes) -> None:
    """The first byte tells into what pieces the network cuts the rest."""
    cut, compressed = (data[0] if data else 0) + 1, data[1:]
    inflater, inflated = Inflater(), bytearray()
    try:
        for start in range(0, len(compressed), cut):
            inflater.feed(compressed[start : start + cut])
            while piece := inflater.read():
                assert len(piece) <= PIECE
                inflated += piece
                if len(inflated) > _MOST:
                    return
        inflater.end()
    except Malformed:
        return
    try:
        assert gzip.decompress(compressed) == inflated
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise AssertionError(f"taken for gzip: {error}") from error
