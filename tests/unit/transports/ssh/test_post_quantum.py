"""Key exchange by mlkem768x25519-sha256, with a client of our own: conch's does not know it."""

import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.keys import Key

DISCONNECT = 1
_PROPOSE_GROUP, _SHARE = 34, 30
_CIPHERTEXT = 1088


class PostQuantum:
    """Makes a raw client exchange keys so. `share` may be replaced by a test."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._kem, self._curve = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
        self.share = self._kem.public_key().public_bytes_raw() + self._curve.public_key().public_bytes_raw()
        self._send = client.sendPacket
        client.supportedKeyExchanges = [b"mlkem768x25519-sha256"]
        client.sendPacket = self._sends
        client.ssh_KEX_DH_GEX_GROUP = self._replied

    def _sends(self, message: int, payload: bytes) -> None:
        # conch's client takes an exchange that it does not know for one that begins with a choice of the group.
        self._send(*((_SHARE, NS(self.share)) if message == _PROPOSE_GROUP else (message, payload)))

    def _replied(self, packet: bytes) -> None:
        """draft-ietf-sshm-mlkem-hybrid-kex: the secret is SHA256(of ML-KEM, of X25519), as a string."""
        host_key, reply, signature, _ = getNS(packet, 3)
        ours = self._kem.decapsulate(reply[:_CIPHERTEXT])
        ours += self._curve.exchange(X25519PublicKey.from_public_bytes(reply[_CIPHERTEXT:]))
        secret, client = NS(sha256(ours).digest()), self._client
        hashed = [client.ourVersionString, client.otherVersionString, client.ourKexInitPayload]
        hashed += [client.otherKexInitPayload, host_key, self.share, reply]
        exchange = sha256(b"".join(map(NS, hashed)) + secret).digest()
        assert Key.fromString(host_key, type="blob").verify(signature, exchange)
        client._keySetup(secret, exchange)


@pytest.fixture
def post_quantum(line: Any) -> Callable[[], PostQuantum]:
    """The line has keys by another algorithm; new ones are then wanted by this one."""
    line.log_in()
    return lambda: PostQuantum(line.client)


def test_keys_are_exchanged_again_and_again(line: Any, post_quantum: Any) -> None:
    for _ in range(2):
        post_quantum()
        line.client.sendKexInit()
        line.carry()

    assert line.server.kexAlg == b"mlkem768x25519-sha256"
    assert line.open_session() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda share: share[:-1],
        lambda share: share + b"x",
        lambda share: share[-32:],
        lambda share: b"\xff" * 1184 + share[-32:],
        lambda share: share[:-32] + bytes(32),
    ],
    ids=["short", "long", "only the curve", "no key of ML-KEM", "a secret that everybody knows"],
)
def test_a_share_that_is_none_ends_the_connection(
    line: Any, post_quantum: Any, wrong: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    exchange = post_quantum()
    exchange.share = wrong(exchange.share)
    line.client.sendKexInit()
    line.carry()

    assert [message for message, _ in line.take()] == [DISCONNECT]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
