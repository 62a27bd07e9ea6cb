"""What works as it is configured, and that an operator may not have meant."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from gitgate.cli.anonymous_push import anonymous_pushes
from gitgate.config import Config, Listener
from gitgate.config.problems import KeyPath
from gitgate.plugin import BearerToken, Password, Transport


@dataclass(frozen=True, slots=True)
class Danger:
    """One of them, and the key of the configuration that brings it about."""

    keys: KeyPath
    text: str


def dangers(config: Config, accepted: frozenset[type]) -> Iterator[Danger]:
    """Those that come with serving `config`, where some plugin takes these kinds of credentials.

    Raises OSError, or ValueError, where a file with rights has become unusable meanwhile.
    """
    if accepted & {Password, BearerToken}:
        yield from _readable_passwords(config)
    for index, entry in enumerate(config.plugins):
        for where in anonymous_pushes([entry]):
            yield Danger(("plugins", index), f"whoever can connect may push without a login: {where}")


def _readable_passwords(config: Config) -> Iterator[Danger]:
    if _is_behind_a_proxy(config):
        return
    for index, listener in enumerate(config.listen):
        if listener.transport is Transport.HTTP and not _is_of_this_machine(listener):
            yield Danger(
                ("listen", index),
                f"passwords come readably over {listener.url}: use https, or let a proxy do TLS, in front of"
                " http on 127.0.0.1 or a unix socket",
            )


def _is_behind_a_proxy(config: Config) -> bool:
    """Clients use a URL with TLS, and no listener of ours has any."""
    is_public = config.public_urls.get("http", "").startswith("https://")
    return is_public and not any(listener.transport is Transport.HTTPS for listener in config.listen)


def _is_of_this_machine(listener: Listener) -> bool:
    return listener.socket is not None or ip_address(listener.address).is_loopback
