"""What a client of git:// and one of ssh ask for: their first line. Nothing else they write names a repository."""

from gitgate.wire.malformed import Malformed
from gitgate.wire.paths import normalize_path
from gitgate.wire.printable import printable
from gitgate.wire.request_line import parse_request_line
from gitgate.wire.ssh_command import parse_ssh_command
from gitgate.wire.username import parse_username


def fuzz(data: bytes) -> None:
    for parse in (parse_request_line, parse_ssh_command):
        try:
            path = parse(data).path
        except Malformed as malformed:
            assert str(malformed).isprintable()
        else:
            assert normalize_path(path.encode()) == path
            assert not {"", ".", ".."} & set(path[1:].split("/"))
    try:
        assert "\n" not in parse_username(data)
    except Malformed:
        pass
    assert printable(data).isprintable()
