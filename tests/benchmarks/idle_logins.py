"""python -m benchmarks.idle_logins PORT USER KEY COUNT: logs in so often over ssh, says "ready", and waits.

conch's client, many times in one process: a thousand of OpenSSH's would be most of what the machine has. It speaks
through gitgate's packets, for conch itself knows none of the ciphers that gitgate offers.
"""

import sys
from pathlib import Path
from typing import Any

from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.conch.ssh.userauth import SSHUserAuthClient
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO
from twisted.internet.task import Cooperator
from twisted.python.failure import Failure

from gitgate.transports.ssh.key_exchange import STRICT_CLIENT, STRICT_SERVER
from gitgate.transports.ssh.packet_transport import PacketTransport

reactor: Any = _reactor

#: So many key exchanges at once.
_AT_ONCE = 16


class _Login(SSHUserAuthClient):
    def __init__(self, user: str, key: Key, connection: SSHConnection) -> None:
        super().__init__(user.encode(), connection)
        self._key = key

    def getPublicKey(self) -> Key | None:  # noqa: N802
        return None if self.lastAuth == b"publickey" else self._key.public()

    def getPrivateKey(self) -> Deferred[Key]:  # noqa: N802
        return succeed(self._key)


class _Idle(SSHConnection):
    def __init__(self, client: "_Client") -> None:
        super().__init__()
        self._client = client

    def serviceStarted(self) -> None:
        super().serviceStarted()
        self._client.done.callback(None)


class _Client(PacketTransport, SSHClientTransport):
    strict_here, strict_there = STRICT_CLIENT, STRICT_SERVER

    def __init__(self, user: str, key: Key) -> None:
        super().__init__()
        self.done: Deferred[None] = Deferred()
        self._user = user
        self._key = key

    def verifyHostKey(self, hostKey: bytes, fingerprint: str) -> Deferred[int]:  # noqa: N802, N803
        return succeed(1)

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        self.new_keys_begin(packet)
        super().ssh_NEWKEYS(packet)
        self.key_exchange_ended()

    def connectionSecure(self) -> None:  # noqa: N802
        self.requestService(_Login(self._user, self._key, _Idle(self)))

    def connectionLost(self, reason: Failure | None = None) -> None:
        super().connectionLost(reason)
        if not self.done.called:
            self.done.errback(reason or Failure(ConnectionError("the server is gone")))


class _UntilClosed(Protocol):
    def connectionLost(self, reason: Failure | None = None) -> None:
        reactor.stop()


async def _log_in(port: int, user: str, key: Key) -> _Client:
    client = _Client(user, key)
    await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), client)
    await client.done
    return client


def main(port: int, user: str, key_file: Path, count: int) -> None:
    """Runs until standard input is closed."""
    key = Key.fromFile(str(key_file))
    clients: list[_Client] = []

    def each() -> Any:
        for _ in range(count):
            yield Deferred.fromCoroutine(_log_in(port, user, key)).addCallback(clients.append)

    def failed(failure: Failure) -> None:
        print(f"after {len(clients)} logins: {failure.getErrorMessage()}", flush=True)

    work = each()
    cooperator = Cooperator()
    workers = [cooperator.coiterate(work) for _ in range(_AT_ONCE)]
    left = len(workers)

    def worker_ended(_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            print("ready", flush=True)

    for worker in workers:
        worker.addCallbacks(worker_ended, failed)
    StandardIO(_UntilClosed())
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
