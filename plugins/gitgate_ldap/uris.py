"""Where a directory server listens (RFC 4516, without what a URI may say of entries)."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal, Self
from urllib.parse import unquote

_URI: Final = re.compile(
    r"(?P<scheme>ldaps?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?", re.IGNORECASE
)
_SOCKET_URI: Final = re.compile(r"ldapi://(?P<path>[^?#]+)", re.IGNORECASE)

_PORTS: Final = {"ldap": 389, "ldaps": 636}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server. `path` is the unix socket of an ldapi server, whose `host` is empty; `str` gives the URI."""

    uri: str
    scheme: Literal["ldap", "ldaps", "ldapi"] = field(compare=False)
    host: str = field(compare=False)
    port: int = field(compare=False)
    path: str = field(default="", compare=False)

    @classmethod
    def parse(cls, uri: str) -> Self:
        """The server that the URI names. Raises ValueError with words for the operator."""
        if match := _URI.fullmatch(uri):
            scheme: Literal["ldap", "ldaps"] = "ldaps" if match["scheme"].lower() == "ldaps" else "ldap"
            port = int(match["port"] or _PORTS[scheme])
            if 0 < port < 65536:
                return cls(uri, scheme, match["host"].strip("[]"), port)
        elif match := _SOCKET_URI.fullmatch(uri):
            path = unquote(match["path"])
            if path.startswith("/") and "\0" not in path:
                return cls(uri, "ldapi", "", 0, path)
        raise ValueError(
            f"{uri!r}: write a server as ldaps://ldap.example.org, ldap://127.0.0.1:389 or ldapi:///run/slapd/ldapi;"
            " bases and filters have keys of their own"
        )

    @property
    def is_on_this_machine(self) -> bool:
        """Nobody else can read what is sent there."""
        if self.scheme == "ldapi" or self.host.lower() == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return self.uri
