"""Which connections count as coming from one place."""

import pytest

from gitgate.config import Limits
from gitgate.config.source_limits import NetBlockSize, Network
from gitgate.source import Sources


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", None),
        ("127.9.9.9", None),
        ("::1", None),
        ("", None),
    ],
)
def test_an_address_of_ipv4_and_a_network_of_ipv6_are_sources_and_this_machine_is_none(
    address: str, source: str | None
) -> None:
    """Whoever has one address of IPv6 has 2**64 of them: a limit for each would be none."""
    limits = Limits()
    assert Sources(limits.per_source_net_block_size, limits.per_source_exempt).of(address) == source


def test_other_blocks_and_other_exemptions_can_be_chosen() -> None:
    sources = Sources(NetBlockSize("24:48"), [Network("10.0.0.0/8"), Network("2001:db8::/32")])
    addresses = ["10.1.2.3", "192.0.2.7", "2001:db8::1", "2001:db9::1", "127.0.0.1"]
    assert [sources.of(address) for address in addresses] == [
        None,
        "192.0.2.0/24",
        None,
        "2001:db9::/48",
        "127.0.0.0/24",
    ]
