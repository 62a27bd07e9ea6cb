"""Listeners as programs write them, without a configuration."""

from pathlib import Path

import pytest

from gitgate.config.listener import Listener, TlsSettings
from gitgate.plugin import SettingsError, Transport

TLS = TlsSettings(certificate=Path("tls.crt"), key=Path("tls.key"))


def test_a_listener_is_made_from_a_url_and_what_belongs_to_it() -> None:
    keys = [Path("ssh_host_ed25519_key")]
    made = [
        Listener.at("ssh://127.0.0.1:0", host_keys=keys),
        Listener.at("https://[::1]:8443", tls=TLS),
        Listener.at("http+unix:///run/gitgate.sock", mode=0o600),
        Listener.at("git://0.0.0.0"),
    ]
    assert made == [
        Listener(transport=Transport.SSH, address="127.0.0.1", port=0, host_keys=tuple(keys)),
        Listener(transport=Transport.HTTPS, address="::1", port=8443, tls=TLS),
        Listener(transport=Transport.HTTP, socket=Path("/run/gitgate.sock"), mode=0o600),
        Listener(transport=Transport.GIT, address="0.0.0.0", port=9418),
    ]


def test_a_url_where_nothing_can_listen_is_refused() -> None:
    with pytest.raises(ValueError, match="the protocol must be one of ssh, http"):
        Listener.at("ftp://127.0.0.1:21")


def test_what_does_not_belong_to_the_url_is_refused() -> None:
    with pytest.raises(SettingsError, match="is for https, and this is git"):
        Listener.at("git://127.0.0.1:0", tls=TLS)
