import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.transports.ssh.identification import Identification, NotSsh


@pytest.mark.parametrize(
    ("sent", "line", "rest"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\nrest", b"SSH-2.0-OpenSSH_9.2p1 Debian-2", b"rest"),
        (b"SSH-2.0-x\n", b"SSH-2.0-x", b""),
        (b"SSH-1.99-x\r\n\n", b"SSH-1.99-x", b"\n"),
        (b"SSH-2.0-" + b"x" * 245 + b"\r\n", b"SSH-2.0-" + b"x" * 245, b""),
    ],
)
def test_the_line_is_found_however_it_is_cut(sent: bytes, line: bytes, rest: bytes) -> None:
    assert Identification().read(sent) == (line, rest)
    slowly = Identification()
    for place in range(sent.index(b"\n")):
        assert slowly.read(sent[place : place + 1]) is None
    assert slowly.read(b"\n") == (line, b"")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02",
        b"x",
        b"\r\nSSH-2.0-x\r\n",
        b"hello\r\nSSH-2.0-x\r\n",
        b"SSH-1.5-x\r\n",
        b"SSH-2.0\r\n",
        b"SSH-2.0x-y\r\n",
        b"SSH--x\r\n",
        b"SSH-2.0-\x1b[2J\r\n",
        b"SSH-2.0-a\0b\r\n",
        b"SSH-2.0-a\rb\r\n",
        b"SSH-2.0-" + b"x" * 248,
        b"SSH-2.0-" + b"x" * 246 + b"\r\n",
    ],
)
def test_who_begins_otherwise_is_no_ssh_client(sent: bytes) -> None:
    """CVE-2022-21716: a first line without an end filled the memory. And a web browser, a port scanner, a line of
    escape sequences for whoever reads the log."""
    with pytest.raises(NotSsh):
        Identification().read(sent)


@given(st.binary(max_size=300))
def test_any_other_bytes_are_refused_or_waited_for(data: bytes) -> None:
    try:
        read = Identification().read(data)
    except NotSsh:
        return
    assert read is None or read[0].startswith(b"SSH-")
