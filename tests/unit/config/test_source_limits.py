"""The notation of the limits for sources, which is sshd's."""

from collections.abc import Callable
from dataclasses import asdict

import pytest

from gitgate.config import Config, ConfigError
from gitgate.config.source_limits import MaxStartups, NetBlockSize, Network, SourcePenalties

_TEXT = """
version: 1
listen: [{url: "git://127.0.0.1:0"}]
plugins: [{use: policy}]
limits:
"""


def test_what_sshd_writes_can_be_written_here(load: Callable[..., Config]) -> None:
    limits = load(
        _TEXT
        + """
  max_startups: 10:30:50
  per_source_net_block_size: 24:56
  per_source_exempt: [10.0.0.0/8, 192.0.2.7, "2001:db8::/32"]
  per_source_penalties: {authfail: 3s, noauth: 0s}
"""
    ).limits

    assert (limits.max_startups.start, limits.max_startups.rate, limits.max_startups.full) == (10, 30, 50)
    assert (limits.per_source_net_block_size.ipv4, limits.per_source_net_block_size.ipv6) == (24, 56)
    assert [str(network.addresses) for network in limits.per_source_exempt] == [
        "10.0.0.0/8",
        "192.0.2.7/32",
        "2001:db8::/32",
    ]
    assert asdict(limits.per_source_penalties) == asdict(SourcePenalties()) | {"authfail": 3.0, "noauth": 0.0}


@pytest.mark.parametrize(
    ("written", "column", "told"),
    [
        ("{min: 20m}", 26, "min: must be at most `max`, which is 10m; lower it, or raise `max`"),
        ("{max: 10s}", 26, "max: must be at least `min`, which is 15s; raise it, or lower `min`"),
        ("{max: 1m, min: 61s}", 35, "min: must be at most `max`, which is 1m; lower it, or raise `max`"),
    ],
)
def test_a_least_penalty_above_the_greatest_is_refused(
    load: Callable[..., Config], written: str, column: int, told: str
) -> None:
    """The smaller of the two counted, without a word: sources were turned away earlier than `min` said."""
    with pytest.raises(ConfigError) as refused:
        load(f"{_TEXT}  per_source_penalties: {written}\n")
    assert str(refused.value) == f"gitgate.yaml:5:{column}: limits.per_source_penalties.{told}"


def test_the_smallest_penalty_may_be_the_greatest(load: Callable[..., Config]) -> None:
    penalties = load(f"{_TEXT}  per_source_penalties: {{min: 1m, max: 60s}}\n").limits.per_source_penalties
    assert penalties.min == penalties.max == 60


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(
            (MaxStartups, text)
            for text in ("", "10", "10:30", "0:30:50", "10:0:50", "10:101:50", "60:30:50", "1:1:1:1")
        ),
        *((NetBlockSize, text) for text in ("", "32", "33:64", "32:129", "-1:64", "/32:/64")),
        *((Network, text) for text in ("", "x", "10.0.0.1/8", "10.0.0.0/33", "fe80::1%eth0", "localhost")),
    ],
)
def test_what_means_nothing_is_refused(kind: type, text: str) -> None:
    with pytest.raises(ValueError, match="must be "):
        kind(text)


@pytest.mark.parametrize("value", ["37850", "[10, 30, 50]", "{start: 10}", "null", "true"])
def test_other_kinds_of_values_are_refused_with_their_place(load: Callable[..., Config], value: str) -> None:
    with pytest.raises(ConfigError, match=r":5:3: limits\.max_startups: .*must be start:rate:full"):
        load(f"{_TEXT}  max_startups: {value}\n")
