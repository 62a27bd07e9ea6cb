"""What is put before, between and into the messages of a key exchange, by who is on the line or has no login."""

from collections.abc import Callable
from struct import pack
from typing import Any

import pytest
from raw_ssh_client import DISCONNECT, RawClient
from twisted.conch.ssh.common import NS

from gitgate.transports.ssh.packets import PacketWriter

KEXINIT, SHARE, NEWKEYS = 20, 30, 21
IGNORE, UNKNOWN, DEBUG, SERVICE, EXT_INFO, LOGIN, GLOBAL, OPEN = 2, 3, 4, 5, 7, 50, 80, 90
#: DISCONNECT's reasons (RFC 4253 section 11.1).
PROTOCOL_ERROR, KEY_EXCHANGE_FAILED, MAC_ERROR = 2, 3, 5


class Tampering(RawClient):
    """A client on whose line somebody puts a message into the first key exchange, before one of the client's."""

    message, before = IGNORE, NEWKEYS
    is_done = False

    def sendPacket(self, messageType: int, payload: bytes) -> None:  # noqa: N802,N803
        if messageType == self.before and not self.is_done:
            self.is_done = True
            body = {EXT_INFO: pack(">L", 0), UNKNOWN: pack(">L", 0)}.get(self.message, NS(b"x"))
            self.socket.sendall(PacketWriter().packet(self.message, body))
        super().sendPacket(messageType, payload)


def between(message: int, before: int) -> type[RawClient]:
    return type("Tampering", (Tampering,), {"message": message, "before": before})


def disconnected(client: RawClient) -> tuple[int, bytes]:
    """The reason that the server gives, as a number and in words."""
    payload = client.wait_for(DISCONNECT)
    length = int.from_bytes(payload[4:8], "big")
    return int.from_bytes(payload[:4], "big"), payload[8 : 8 + length]


@pytest.mark.parametrize("before", [KEXINIT, SHARE, NEWKEYS])
@pytest.mark.parametrize("message", [IGNORE, UNKNOWN, DEBUG])
def test_cve_2023_48795_terrapin_nothing_can_be_put_into_the_first_key_exchange(
    site: Any, attack: Callable[..., Any], message: int, before: int
) -> None:
    """Somebody on the line puts in a message that is passed over. It shifts the numbers of the packets, so that one
    can be taken away behind the exchange: the extensions, with what the server knows of signatures."""
    code, said = disconnected(attack(site, between(message, before)))

    assert code == PROTOCOL_ERROR
    assert said.startswith(b"strict key exchange: ")


def test_cve_2023_48795_terrapin_no_packet_can_be_taken_away(site: Any, attack: Callable[..., Any]) -> None:
    client = attack(site)
    client.exchange_keys()
    client._writer.packet(IGNORE, NS(b"taken away"))
    client.sendPacket(SERVICE, NS(b"ssh-userauth"))

    assert disconnected(client)[0] == MAC_ERROR


@pytest.mark.parametrize("message", [EXT_INFO, SERVICE, LOGIN, GLOBAL, OPEN])
def test_cve_2023_46445_what_is_not_authenticated_is_not_listened_to(
    site: Any, attack: Callable[..., Any], message: int
) -> None:
    """asyncssh, CVE-2023-46446: extensions, and whole logins, were taken from within the first key exchange, where
    nothing tells who wrote them."""
    assert disconnected(attack(site, between(message, NEWKEYS)))[0] == PROTOCOL_ERROR


def test_cve_2025_22869_who_begins_a_key_exchange_may_ask_for_nothing_until_its_end(
    site: Any, attack: Callable[..., Any]
) -> None:
    """x/crypto: a key exchange is begun, and never ended, while the client goes on: the answers wait in memory."""
    client = attack(site)
    client.log_in()
    client.sendKexInit()
    client.socket.sendall(client._writer.packet(GLOBAL, NS(b"keepalive@openssh.com") + b"\1"))

    assert disconnected(client) == (PROTOCOL_ERROR, b"message 80 has no place here")


@pytest.mark.parametrize(
    "proposal", ["supportedKeyExchanges", "supportedPublicKeys", "supportedCiphers", "supportedMACs"]
)
def test_nothing_old_can_be_agreed_on(site: Any, attack: Callable[..., Any], proposal: str) -> None:
    """SHA-1, CBC, MACs of the plain text: a client, or somebody who speaks for it, knows nothing else."""
    old = {
        "supportedKeyExchanges": [b"diffie-hellman-group14-sha1", b"ecdh-sha2-nistp256"],
        "supportedPublicKeys": [b"ssh-rsa", b"ssh-dss"],
        "supportedCiphers": [b"aes128-cbc", b"3des-cbc", b"none"],
        "supportedMACs": [b"hmac-sha1", b"hmac-sha2-256", b"none"],
    }[proposal]

    def propose(self: RawClient) -> None:
        setattr(self, proposal, old)
        RawClient.sendKexInit(self)

    client = attack(site, type("Old", (RawClient,), {"sendKexInit": propose}))

    assert client.wait_until_closed()[-1:] in ([DISCONNECT], [])
    assert client.sessionID is None


def test_no_compression_can_be_agreed_on(site: Any, attack: Callable[..., Any]) -> None:
    """conch: 205 kB before the login were unpacked to 200 MB."""

    def propose(self: RawClient) -> None:
        self.supportedCompressions = [b"zlib", b"zlib@openssh.com"]
        RawClient.sendKexInit(self)

    client = attack(site, type("Packing", (RawClient,), {"sendKexInit": propose}))
    client.wait_until_closed()

    assert client.sessionID is None


@pytest.mark.parametrize("first", [b"x", b"SSH-2.0-", b"\n"], ids=["no ssh", "a long line", "lines before it"])
def test_cve_2022_21716_an_endless_first_line_is_not_collected(
    site: Any, tcp: Callable[..., Any], first: bytes
) -> None:
    """conch: what came before the first line's end was kept, however much it was."""
    client = tcp(site)
    sent = 0
    try:
        while sent < 2**23:
            sent += client.send(first * (2**16 // len(first)))
    except OSError:
        pass

    assert sent < 2**23


def test_a_packet_of_a_megabyte_is_refused_at_its_length(site: Any, attack: Callable[..., Any]) -> None:
    """conch waits for a megabyte from whoever has no login; 125,000 extensions in it kept it busy for 2.3 seconds."""
    client = attack(site)
    client.exchange_keys()
    client.socket.sendall(pack(">L", 2**20))

    assert disconnected(client) == (PROTOCOL_ERROR, b"a packet of 1048576 bytes, where 35000 are allowed")
