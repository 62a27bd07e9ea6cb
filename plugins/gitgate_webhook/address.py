"""Where the service is: the URL of the configuration, taken apart."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

_PORTS: Final = {"https": 443, "http": 80}

#: The longest path of a unix socket (unix(7), sun_path).
_LONGEST_SOCKET: Final = 107


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A service's address. `url` is what HTTP is asked for; `socket` is set where that goes through a unix socket.

    `stays_here`: what is sent does not leave this machine.
    """

    url: str
    host: str
    port: int
    is_tls: bool
    stays_here: bool
    socket: Path | None = None

    def __str__(self) -> str:
        """It in words of a log."""
        return self.url if self.socket is None else f"unix socket {self.socket}"


def parse_address(text: str) -> Address:
    """The address that `text` writes: `https://`, `http://`, or `http+unix:///run/a.sock:/path`. Raises ValueError.

    A unix socket is written as gitgate's own listeners write it; the path for HTTP stands after a colon, as in nginx's
    `proxy_pass`.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds a character that a URL cannot have; write a host's name as xn--..., others as %XX")
    parts = urlsplit(text)
    if parts.fragment:
        raise ValueError("must not have a '#...' at its end: that part of a URL is never sent")
    if parts.scheme == "http+unix":
        return _behind_socket(parts)
    if parts.scheme not in _PORTS:
        raise ValueError("must begin with https://, http:// or http+unix:///")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password; write a bearer token as `token`")
    if not parts.hostname:
        raise ValueError("has no host")
    return Address(
        url=text,
        host=parts.hostname,
        port=_PORTS[parts.scheme] if parts.port is None else parts.port,
        is_tls=parts.scheme == "https",
        stays_here=_is_loopback(parts.hostname),
    )


def _behind_socket(parts: SplitResult) -> Address:
    socket, _, path = parts.path.partition(":")
    if parts.netloc or not socket.startswith("/"):
        raise ValueError("must name the socket by its absolute path: http+unix:///run/policy.sock:/path")
    if len(socket) > _LONGEST_SOCKET:
        raise ValueError(f"names a socket by a path of more than {_LONGEST_SOCKET} bytes, which no system takes")
    if path and not path.startswith("/"):
        raise ValueError("needs a '/' after the ':' behind the socket, where the path for HTTP begins")
    query = f"?{parts.query}" if parts.query else ""
    return Address(
        url=f"http://localhost{path or '/'}{query}",
        host="localhost",
        port=_PORTS["http"],
        is_tls=False,
        stays_here=True,
        socket=Path(socket),
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
