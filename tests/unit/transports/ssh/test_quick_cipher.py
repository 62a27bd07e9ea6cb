"""Clients that know AES-GCM and prefer something else are asked again, once they move much."""

from struct import pack
from typing import Any

import pytest
from twisted.conch.ssh.common import NS

CTR, GCM = b"aes128-ctr", b"aes128-gcm@openssh.com"
ALSO_GCM = [b"chacha20-poly1305@openssh.com", CTR, GCM, b"aes256-gcm@openssh.com"]
OPENSSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2"
MEBIBYTE = 32


def sends(line: Any, packets: int) -> bytes:
    """The cipher that is agreed on after so many packets of 32 KiB."""
    for _ in range(packets):
        line.send(94, pack(">L", 0) + NS(b"x" * 32_768))
    assert not line.server_socket.is_closed
    agreed = line.server.nextEncryptions
    assert agreed.inCipType == agreed.outCipType
    return bytes(agreed.inCipType)


@pytest.fixture
def line(request: Any, make_line: Any, make_client: Any, gateway: Any) -> Any:
    """With a client that says so who it is, and has these ciphers; by default OpenSSH with all that it has."""
    client = make_client()
    client.ourVersionString, client.supportedCiphers = getattr(request, "param", (OPENSSH, ALSO_GCM))
    return make_line(gateway, client=client)


def test_openssh_changes_to_gcm_when_it_has_sent_4_mib(line: Any, running: Any) -> None:
    run = running()

    agreed = [sends(line, 3 * MEBIBYTE), sends(line, 2 * MEBIBYTE)]
    keys = line.server.nextEncryptions

    assert agreed == [CTR, GCM]
    assert b"".join(call for call in run.git.calls if isinstance(call, bytes)) == b"x" * 5 * 2**20
    assert sends(line, 5 * MEBIBYTE) == GCM
    assert line.server.nextEncryptions is keys  # and that is that


def test_openssh_changes_to_gcm_when_it_was_sent_4_mib(line: Any, running: Any) -> None:
    run = running(window=2**24)
    for _ in range(40):
        run.client.write(b"y" * 131_072)
        line.carry()

    assert line.server.nextEncryptions.outCipType == GCM
    assert sum(len(payload) - 8 for message, payload in line.take() if message == 94) == 40 * 131_072


def test_openssh_changes_to_gcm_when_it_asks_for_new_keys_itself(line: Any) -> None:
    line.log_in()
    line.client.sendKexInit()
    line.carry()

    assert sends(line, 0) == GCM


@pytest.mark.parametrize(
    "line",
    [(OPENSSH, [CTR]), (b"SSH-2.0-Other_1.0", ALSO_GCM)],
    ids=["knows no GCM", "may not expect it"],
    indirect=True,
)
def test_others_keep_what_they_have(line: Any, running: Any) -> None:
    running()
    keys = line.server.nextEncryptions

    assert sends(line, 5 * MEBIBYTE) == CTR
    assert line.server.nextEncryptions is keys
