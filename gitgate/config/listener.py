"""Where gitgate listens: an address or a unix socket, the protocol that is spoken there, and what that needs."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

from gitgate.config.problems import did_you_mean
from gitgate.config.state_directory import default_host_keys
from gitgate.plugin import SettingsError, Transport

DEFAULT_PORTS: Final = {Transport.SSH: 22, Transport.HTTP: 80, Transport.HTTPS: 443, Transport.GIT: 9418}

_UNIX_SOCKET: Final = "http+unix"

#: sockaddr_un has room for 108 bytes with the final NUL (unix(7)).
_LONGEST_SOCKET_PATH_BYTES: Final = 107


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """The certificate, with its chain, and its key: PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One place where clients can connect.

    `address` is an IP address, and `port` 0 means any free one. With `socket`, a unix socket for http, there is
    neither, and `mode` is its permission bits (None: 0660). `host_keys` are for ssh; without any, they are the
    two in gitgate's state directory. `tls` is for https. Raises `SettingsError` where these do not fit.
    """

    transport: Transport
    address: str = ""
    port: int = 0
    socket: Path | None = None
    mode: int | None = None
    host_keys: tuple[Path, ...] = ()
    tls: TlsSettings | None = None

    def __post_init__(self) -> None:
        if self.transport is Transport.HTTPS and self.tls is None:
            raise SettingsError("https needs a certificate: {certificate: file, key: file}", key="tls")
        if self.tls is not None and self.transport is not Transport.HTTPS:
            raise SettingsError(f"is for https, and this is {self.transport.value}", key="tls")
        if self.host_keys and self.transport is not Transport.SSH:
            raise SettingsError(f"are for ssh, and this is {self.transport.value}", key="host_keys")
        if self.mode is not None and self.socket is None:
            raise SettingsError("is for unix sockets, and this is none", key="mode")
        if self.transport is Transport.SSH and not self.host_keys:
            object.__setattr__(self, "host_keys", default_host_keys(os.environ))

    @classmethod
    def at(
        cls, url: str, *, host_keys: Iterable[Path] = (), tls: TlsSettings | None = None, mode: int | None = None
    ) -> "Listener":
        """The listener for a URL as the configuration has it: `Listener.at("ssh://127.0.0.1:2222")`.

        Raises ValueError where gitgate could not listen there, and `SettingsError` for what does not fit the URL.
        """
        place = ListenUrl.parse(url)
        return cls(
            transport=place.transport,
            address=place.address,
            port=place.port,
            socket=place.socket,
            mode=mode,
            host_keys=tuple(host_keys),
            tls=tls,
        )

    @property
    def url(self) -> str:
        """The listener as it is written in the configuration."""
        if self.socket is not None:
            return f"{_UNIX_SOCKET}://{self.socket}"
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.transport.value}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ListenUrl:
    """A listener's `url`, taken apart."""

    transport: Transport
    address: str
    port: int
    socket: Path | None

    @classmethod
    def parse(cls, url: object) -> "ListenUrl":
        """The parts of `url`. Raises ValueError where gitgate could not listen there."""
        parts = (
            re.fullmatch(r"([^:/]*)://(\[[^\]]*\]|[^:/\[\]]*)(?::([0-9]{1,5}))?(/.*)?", url)
            if isinstance(url, str)
            else None
        )
        if parts is None:
            raise ValueError(
                "must be a URL such as ssh://0.0.0.0:2222, http://[::1]:8080 or http+unix:///run/gitgate.sock"
            )
        scheme, host, port, path = parts.groups()
        if scheme == _UNIX_SOCKET:
            return cls(Transport.HTTP, "", 0, _socket_path(host, port, path))
        schemes = {transport.value: transport for transport in Transport}
        if scheme not in schemes:
            known = (*schemes, _UNIX_SOCKET)
            raise ValueError(f"the protocol must be one of {', '.join(known)}{did_you_mean(scheme, known)}")
        if path not in (None, "/"):
            raise ValueError("a listener serves all paths: leave out what follows the port")
        transport = schemes[scheme]
        number = DEFAULT_PORTS[transport] if port is None else int(port)
        if number > 65535:
            raise ValueError(f"port {number} is more than 65535")
        return cls(transport, _ip_address(host), number, None)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, object]:
        return {"type": "function-plain", "function": {"type": "no-info", "function": cls.parse}}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, object]:
        return {"type": "string", "pattern": r"^(ssh|http|https|git|http\+unix)://"}


def parse_mode(text: str) -> int:
    """Permission bits from their usual writing, "0660". Raises `SettingsError`."""
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise SettingsError('must be permissions such as "0660"', key="mode")
    return int(text, 8)


def _ip_address(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    bracketed = host.startswith("[")
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        address = None
    if address is None or bracketed != isinstance(address, IPv6Address):
        raise ValueError(
            "the host must be an IP address or localhost, since names are not looked up to listen:"
            " 0.0.0.0 is every IPv4 address, [::] every IPv6 address"
        )
    return str(address)


def _socket_path(host: str, port: str | None, path: str | None) -> Path:
    if host or port or not path or path == "/":
        raise ValueError("a unix socket is an absolute path after two slashes: http+unix:///run/gitgate/http.sock")
    if len(path.encode()) > _LONGEST_SOCKET_PATH_BYTES:
        raise ValueError(f"the path of a unix socket has at most {_LONGEST_SOCKET_PATH_BYTES} bytes (unix(7))")
    if "\0" in path:
        raise ValueError("must not hold a NUL character")
    return Path(path)
