"""The order in which a client may send the messages of a key exchange, and what it proposes."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gitgate.transports.ssh.fields import Fields
from gitgate.wire.malformed import Malformed

_DISCONNECT: Final = 1
_KEXINIT: Final = 20
_NEWKEYS: Final = 21
#: KEX_ECDH_INIT (RFC 5656) and KEX_HYBRID_INIT (draft-ietf-sshm-mlkem-hybrid-kex): the client's half of the secret.
_CLIENT_SHARE: Final = 30
#: DISCONNECT, IGNORE, UNIMPLEMENTED and DEBUG may come at any time (RFC 4253 section 7.1).
_ALWAYS: Final = frozenset({_DISCONNECT, 2, 3, 4})
#: What RFC 4250 section 4.1.2 keeps for key exchanges.
OF_KEY_EXCHANGES: Final = range(20, 50)

#: By these, client and server tell each other that they know strict key exchange (OpenSSH's PROTOCOL, section 1.10).
STRICT_CLIENT: Final = b"kex-strict-c-v00@openssh.com"
STRICT_SERVER: Final = b"kex-strict-s-v00@openssh.com"


class _Step(Enum):
    BEFORE_FIRST = auto()
    PROPOSED = auto()
    AGREED = auto()
    DONE = auto()


_NEXT: Final = {
    (_Step.BEFORE_FIRST, _KEXINIT): _Step.PROPOSED,
    (_Step.PROPOSED, _CLIENT_SHARE): _Step.AGREED,
    (_Step.AGREED, _NEWKEYS): _Step.DONE,
    (_Step.DONE, _KEXINIT): _Step.PROPOSED,
}


class KeyExchangeOrder:
    """Knows which messages a client may send now (RFC 4253 section 7.1), and refuses the others.

    conch takes them in any order. A client that began a key exchange and then went on asking for things would have
    every answer kept in memory until it ended the exchange.
    """

    def __init__(self) -> None:
        self._step = _Step.BEFORE_FIRST
        self._was_anything_first = False
        self._is_first_done = False
        self._is_strict = False

    @property
    def is_strict(self) -> bool:
        """Both sides know strict key exchange: sequence numbers begin at 0 with all new keys."""
        return self._is_strict

    @property
    def is_first_done(self) -> bool:
        """There are keys."""
        return self._is_first_done

    def received(self, message: int) -> None:
        """A message came. Raises `Malformed` where it may not."""
        if message in _ALWAYS:
            self._passed_over(message)
            return
        if self._step is _Step.DONE and message not in OF_KEY_EXCHANGES:
            return
        step = _NEXT.get((self._step, message))
        if step is None:
            raise Malformed(f"message {message} has no place here")
        self._step = step
        self._is_first_done = self._is_first_done or step is _Step.DONE

    def be_strict(self) -> None:
        """The client knows strict key exchange, as its first proposal says. Raises `Malformed` if it came too late.

        Nothing that is not needed may then come before the first keys are in use. Somebody in between could put it
        there, and so shift the sequence numbers that later packets are judged by (Terrapin, CVE-2023-48795).
        """
        if self._was_anything_first:
            raise Malformed("strict key exchange: something came before the first proposal")
        self._is_strict = True

    def _passed_over(self, message: int) -> None:
        if message == _DISCONNECT or self._is_first_done:
            return
        if self._is_strict:
            raise Malformed(f"strict key exchange: message {message} before the first keys")
        self._was_anything_first = True


@dataclass(frozen=True, slots=True)
class Proposal:
    """Of what the client proposes in its KEXINIT, in its order: what is looked at here."""

    key_exchanges: tuple[bytes, ...]
    ciphers_to_server: tuple[bytes, ...]
    ciphers_to_client: tuple[bytes, ...]

    def takes(self, ciphers: Iterable[bytes]) -> bool:
        """One of these would do in each direction."""
        return not set(ciphers).isdisjoint(self.ciphers_to_server) and not set(ciphers).isdisjoint(
            self.ciphers_to_client
        )


def read_proposal(packet: bytes) -> Proposal:
    """What the payload of a KEXINIT proposes (RFC 4253 section 7.1).

    Raises `Malformed` where that is not whole; conch, which reads the rest, would stumble over it.
    """
    fields = Fields(packet)
    fields.take(16)
    lists = [tuple(fields.string().split(b",")) for _ in range(10)]
    fields.boolean()
    fields.uint32()
    fields.end()
    return Proposal(key_exchanges=lists[0], ciphers_to_server=lists[2], ciphers_to_client=lists[3])
