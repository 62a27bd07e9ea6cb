"""Where connections come from, as far as limits for each source go."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TypeAlias

from gitgate.config.source_limits import NetBlockSize, Network

#: A network as it is written, `192.0.2.7/32` or `2001:db8::/64`: whoever has one IPv6 address has all of its /64.
Source: TypeAlias = str


class Sources:
    """Tells the source of an address."""

    def __init__(self, block_size: NetBlockSize, exempt: Iterable[Network]) -> None:
        self._block_size = block_size
        self._exempt = [network.addresses for network in exempt]
        self._remembered = lru_cache(maxsize=1024)(self._source)

    def of(self, address: str) -> Source | None:
        """The source of an IP address; None for one that is exempt, and for "", which is a unix socket."""
        return self._remembered(address)

    def _source(self, address: str) -> Source | None:
        if not address:
            return None
        ip = ip_address(address.partition("%")[0])
        if any(ip in network for network in self._exempt):
            return None
        bits = self._block_size.ipv4 if ip.version == 4 else self._block_size.ipv6
        return ip_network((ip, bits), strict=False).with_prefixlen
