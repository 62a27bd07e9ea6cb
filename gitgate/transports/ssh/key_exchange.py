"""The order in which a client may send the messages of a key exchange."""

from enum import Enum, auto
from typing import Final

from gitgate.wire.malformed import Malformed

_KEXINIT: Final = 20
_NEWKEYS: Final = 21
#: KEX_ECDH_INIT (RFC 5656) and KEX_HYBRID_INIT (draft-ietf-sshm-mlkem-hybrid-kex): the client's half of the secret.
_CLIENT_SHARE: Final = 30
#: DISCONNECT, IGNORE, UNIMPLEMENTED and DEBUG may come at any time (RFC 4253 section 7.1).
_ALWAYS: Final = frozenset({1, 2, 3, 4})
#: What RFC 4250 section 4.1.2 keeps for key exchanges.
_OF_KEY_EXCHANGES: Final = range(20, 50)


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

    def received(self, message: int, *, ignored: bool = False) -> None:
        """A message came. Raises `Malformed` where it may not.

        `ignored` says that it follows a wrong guess of the algorithm, so that another one will replace it.
        """
        if message in _ALWAYS:
            return
        step = _NEXT.get((self._step, message))
        if step is not None:
            self._step = self._step if ignored else step
        elif self._step is not _Step.DONE or message in _OF_KEY_EXCHANGES:
            raise Malformed(f"message {message} has no place here")
