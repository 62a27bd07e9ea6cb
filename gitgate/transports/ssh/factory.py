"""Makes the transport for each client of one ssh door."""

from collections.abc import Sequence
from typing import Final

from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.internet.interfaces import IAddress

from gitgate.config.model import Limits
from gitgate.gateway import Gateway
from gitgate.memory import ANSWERS_BYTES
from gitgate.reactor import Clock
from gitgate.room import Room
from gitgate.transports.connections import Connections
from gitgate.transports.ssh.transport import SshTransport

#: RSA with SHA-1, which a key of that type could do as well.
_REFUSED_SIGNATURES = frozenset({b"ssh-rsa"})


#: Some hundred repositories.
_SHORT_ANSWER: Final = 16 * 1024


def room_for_answers() -> Room:
    """What all doors together have for the answers to `info` that wait to be read."""
    return Room("a list of repositories", ANSWERS_BYTES, short=_SHORT_ANSWER)


class SshFactory(SSHFactory):
    """One ssh door: its host keys, and what its clients share."""

    noisy = False

    def __init__(
        self,
        gateway: Gateway,
        connections: Connections,
        clock: Clock,
        host_keys: Sequence[Key],
        *,
        limits: Limits,
        public_url: str | None = None,
        answers: Room | None = None,
    ) -> None:
        """`host_keys` are private keys of different types; `public_url`, where known, is what people clone from.
        `answers` is the `room_for_answers` of all doors.
        """
        self.gateway = gateway
        self.connections = connections
        self.clock = clock
        self.limits = limits
        self.answers = answers or room_for_answers()
        self.public_url = public_url.rstrip("/") if public_url is not None else None
        self.privateKeys = {key.sshType(): key for key in host_keys}
        self.publicKeys = {key.sshType(): key.public() for key in host_keys}
        self.primes = None
        self.signature_algorithms = tuple(
            name for key in host_keys for name in key.supportedSignatureAlgorithms() if name not in _REFUSED_SIGNATURES
        )

    def buildProtocol(self, addr: IAddress | None) -> SshTransport | None:  # type: ignore[override]
        """None closes the connection."""
        return SshTransport(self) if self.connections.admit(addr) is None else None
