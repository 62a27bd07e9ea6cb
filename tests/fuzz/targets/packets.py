"""pkt-lines, and the two readers that look into what git says: they change nothing that they need not change."""

from gitgate.wire.malformed import NotGit
from gitgate.wire.notice import Notice
from gitgate.wire.pktline import payload_length
from gitgate.wire.push_report import PushReportReader

_NOTICE = Notice("moved")._packet


def fuzz(data: bytes) -> None:
    """The first byte tells into what pieces the network cuts the rest."""
    cut, said = (data[0] if data else 0) + 1, data[1:]
    pieces = [said[start : start + cut] for start in range(0, len(said), cut)]
    notice = Notice("moved")
    passed = b"".join([*map(notice.put_into, pieces), notice.rest()])
    assert passed == said or passed.replace(_NOTICE, b"", 1) == said
    for capabilities in ({"report-status"}, {"report-status", "side-band-64k"}):
        reader = PushReportReader(frozenset(capabilities))
        for piece in pieces:
            reader.feed(piece)
    try:
        length = payload_length(said[:4])
        assert length is None or 0 <= length <= 65516
    except NotGit:
        pass
