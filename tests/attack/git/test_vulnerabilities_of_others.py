"""One test for each vulnerability that other servers have had in their git:// doors."""

import re

import pytest

from gitgate.wire.pktline import encode


def ask(path: bytes, tail: bytes = b"\0host=x\0") -> bytes:
    return encode(b"git-upload-pack " + path + tail) + b"0000"


@pytest.mark.parametrize(
    "verb",
    [
        *(b"git-evil", b"git", b"git upload-pack", b"GIT-UPLOAD-PACK", b"upload-pack", b" git-upload-pack", b""),
        *(b"git-upload-pack\t", b"git-lfs-authenticate", b"git-shell", b"../git-upload-pack", b"git-upload-pack "),
    ],
)
def test_a_command_that_is_not_known_is_not_served(hostile, say, verb):
    """CVE-2026-58423: an unknown sub-command had access mode 0, which everybody has; CVE-2018-20683, CVE-2025-24366:
    more commands than git has, and options for them."""
    assert b"refs/heads" not in say(hostile, "git", encode(verb + b" /open/r.git\0host=x\0") + b"0000")


@pytest.mark.parametrize(
    "path",
    [
        *(b"/open/../secret/r.git", b"/open/./r.git", b"//open/r.git", b"/open//r.git", b"/..", b"/.", b"/", b""),
        *(b"--help", b"-oProxyCommand=x", b"--output=/tmp/x", b"/--help", b"--strict /open/r.git", b"~root/r.git"),
        *(b"'/open/r.git'", b"/open/%2e%2e/secret/r.git", b"/open/..\\..\\secret/r.git", b"/open/r.git/.git"),
        *(b"/open/r.git\r", b"/open/r.git\n\n", b"/open/r\x7f.git", b"/open/\xe2\x80\xa8r.git", b"/\xc0\xae\xc0\xae/x"),
    ],
)
def test_no_way_of_writing_a_path_leads_elsewhere(hostile, say, path):
    """CVE-2025-22130, CVE-2026-48827, CVE-2026-30914: what is judged is not what is opened; CVE-2017-8386,
    GHSA-33pr-m977-5w97: a path that git takes for an option."""
    answer = say(hostile, "git", ask(path))
    assert re.fullmatch(rb"[0-9a-f]{4}ERR [\x20-\x7e]+", answer)
    assert str(hostile.root).encode() not in answer


@pytest.mark.parametrize("path", [b"/a\nERR b", b"/\x1b]0;owned\x07", b"/\x1b[2J", b"/\xc2\x9b2J", b"/a\rb"])
def test_nothing_that_a_client_wrote_reaches_a_terminal(hostile, say, path):
    """CVE-2021-40330: a newline in a path made a second line, of another protocol; GHSA-fv2r-r8mp-pg48: escape
    sequences. The log is looked at when the site is closed."""
    for request in (ask(path), encode(path + b" /open/r.git\0")):
        answer = say(hostile, "git", request)
        assert re.fullmatch(rb"([0-9a-f]{4}ERR [\x20-\x7e]+)?", answer)


@pytest.mark.parametrize(
    "tail",
    [
        *(
            b"\0host=../../etc\0",
            b"\0host=%s%n\0",
            b"\0host=a\0host=b\0",
            b"\0host=" + b"a" * 300 + b"\0",
            b"\0host=\n\0",
        ),
        *(b"\0die\0", b"\0\0version=2:LD_PRELOAD=/x\0", b"\0host=x\0\0GIT_TRACE=1\0foo\0version=1\0", b"\0\0\0\0\0\0"),
    ],
)
def test_what_follows_the_path_is_no_way_in_either(hostile, say, tail):
    """CVE-2024-41956, CVE-2024-39930: parameters of a client in the environment of git; and `host`, of which
    --interpolated-path of git daemon makes a folder."""
    answer = say(hostile, "git", ask(b"/open/r.git", tail))
    assert answer == b"" or b"refs/heads/main" in answer or answer.startswith(b"000eversion 2\n")
    assert b"GITGATE" not in answer


@pytest.mark.parametrize(
    "data", [b"-001", b"+010", b" 010", b"0x1f", b"1_00", b"0003", b"0001", b"0002", b"\xef\xbc\x91\xef"]
)
def test_the_length_of_a_packet_is_four_digits(hostile, say, data):
    """dulwich, 2026: Python's int() takes a sign, a space and "_"; a length of -1 was read for ever."""
    assert say(hostile, "git", data + b"git-upload-pack /open/r.git\0host=x\0") == b""


@pytest.mark.parametrize("length", [b"ffff", b"fff0", b"1005"])
def test_a_long_request_is_refused_before_it_is_read(hostile, connect, length):
    """CVE-2022-21716, CVE-2022-39260: what comes before the first decision was kept, however long it was, and its
    length overflowed. Four bytes say enough."""
    with connect(hostile, "git") as client:
        client.sendall(length)
        try:
            assert client.recv(100) == b""
        except ConnectionResetError:
            pass


@pytest.mark.parametrize("verb", [b"git-receive-pack", b"git-upload-pack", b"git-upload-archive"])
def test_who_has_no_name_gets_only_what_everybody_may_have(hostile, say, verb):
    """git:// has no login: neither a host nor a user in the path makes one. What is not there sounds the same."""
    answers = set()
    for path in (b"/secret/r.git", b"/secret/no.git", b"/alice@secret/r.git"):
        answer = say(hostile, "git", encode(verb + b" " + path + b"\0host=alice:wonderland@x\0\0user=alice\0"))
        answers.add(re.sub(rb"\(id \w+\)", b"", answer)[4:])
    assert answers == {b"ERR authentication required, use ssh or https "}
