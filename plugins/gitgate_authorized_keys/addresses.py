"""The address list of `from="..."` (sshd(8), AUTHORIZED_KEYS FILE FORMAT; ssh_config(5), PATTERNS)."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self, TypeAlias

from gitgate_authorized_keys.bad_line import BadLine

_Network: TypeAlias = IPv4Network | IPv6Network

#: A pattern over the text of an address: letters only beside a colon. As no bracket can be in it, fnmatch gives `*` and
#: `?` the meaning that OpenSSH gives them.
_ADDRESS_PATTERN: Final = re.compile(r"[0-9.*?]+|(?=[^:]*:)[0-9a-f:.*?]+")

#: Without this, Python would also read 10.0.0.0/255.0.0.0, which sshd does not.
_ADDRESS_OR_NETWORK: Final = re.compile(r"[0-9a-f:.]+(?:/[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class AddressList:
    """Which client addresses may use a key. `never_match` are its host names: nobody looks them up."""

    wanted: tuple[_Network | str, ...]
    unwanted: tuple[_Network | str, ...]
    never_match: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The list that `text` writes: networks, addresses and patterns, separated by commas; `!` takes some out.

        Raises BadLine for what sshd would refuse too, and where a host name is to be taken out: as it never matches,
        the list would let in more than its author meant.
        """
        wanted: list[_Network | str] = []
        unwanted: list[_Network | str] = []
        never_match: list[str] = []
        for item in text.lower().split(","):
            negated = item.startswith("!")
            pattern = item[negated:]
            network = _network(pattern)
            if network is None and not _ADDRESS_PATTERN.fullmatch(pattern):
                if negated or not pattern:
                    raise BadLine(f"from={text!r}: {item!r} is not an address, and host names are not looked up")
                never_match.append(pattern)
            else:
                (unwanted if negated else wanted).append(network or pattern)
        return cls(tuple(wanted), tuple(unwanted), tuple(never_match))

    def includes(self, address: str) -> bool:
        """Whether a client at this address may use the key. One whose address is unknown may not."""
        try:
            client = ip_address(address)
        except ValueError:
            return False
        if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
            client = client.ipv4_mapped  # how a socket that listens on both families names an IPv4 client
        return _any_matches(self.wanted, client) and not _any_matches(self.unwanted, client)


def _network(pattern: str) -> _Network | None:
    if not _ADDRESS_OR_NETWORK.fullmatch(pattern):
        return None
    try:
        network = ip_network(pattern, strict=False)
    except ValueError:
        return None
    if network.network_address != ip_address(pattern.partition("/")[0]):
        # As in sshd: whoever writes 10.1.2.3/8 means either one host or all of 10/8, and it is not said which.
        raise BadLine(f"from=: {pattern!r} is neither one address nor a network; the network is {network}")
    return network


def _any_matches(patterns: tuple[_Network | str, ...], client: IPv4Address | IPv6Address) -> bool:
    return any(
        fnmatchcase(str(client), pattern) if isinstance(pattern, str) else client in pattern for pattern in patterns
    )
