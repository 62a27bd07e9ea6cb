"""Opens what a listener of the configuration describes, and closes it."""

from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.error import CannotListenError

from gitgate.config.listener import Listener
from gitgate.transports.unix_socket import SocketPort

_BACKLOG: Final = 511

#: A unix socket is for its user and group unless the configuration says otherwise.
_SOCKET_MODE: Final = 0o660


class DoorBlocked(Exception):
    """A listener that cannot be opened; the message says which and why."""

    def __init__(self, listener: Listener, why: str) -> None:
        super().__init__(f"cannot listen on {listener.url}: {why}")
        self.listener = listener


@dataclass(frozen=True, slots=True)
class Door:
    """A listener that is open. `url` is where clients of this machine find it, with the port that it really has."""

    listener: Listener
    url: str


def open_port(listener: Listener, factory: Any, reactor: Any) -> Any:
    """The port on which `factory` has clients from now on. Raises `DoorBlocked`."""
    try:
        if listener.socket is not None:
            mode = _SOCKET_MODE if listener.mode is None else listener.mode
            place = SocketPort(listener.socket, factory, backlog=_BACKLOG, mode=mode, reactor=reactor)
            place.startListening()
            return place
        return reactor.listenTCP(listener.port, factory, _BACKLOG, listener.address)
    except (CannotListenError, OSError) as error:
        why = getattr(error, "socketError", error)
        raise DoorBlocked(listener, getattr(why, "strerror", None) or str(why)) from error


async def close_port(port: Any) -> None:
    """Close what `open_port` has opened; those who came in before stay."""
    closing = port.stopListening()
    if closing is not None:
        await closing


def url_of(listener: Listener, port: Any) -> str:
    """Where clients of this machine find an open port of this listener."""
    if listener.socket is not None:
        return listener.url
    bound = port.getHost()
    # Whoever listens on every address is found on this machine under its own name.
    host = "localhost" if bound.host in ("0.0.0.0", "::", "127.0.0.1") else bound.host  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    return f"{listener.transport.value}://{host}:{bound.port}"
