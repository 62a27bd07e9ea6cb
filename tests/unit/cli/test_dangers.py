import gitgate_rules
import pytest

from gitgate.cli.dangers import Danger, dangers
from gitgate.config import Config, Listener, PluginEntry, TlsSettings
from gitgate.plugin import BearerToken, Password, PublicKey

PROXIED = {"http": "https://git.example.org"}


def _config(tmp_path, *urls, **more):
    tls = TlsSettings(certificate=tmp_path / "crt", key=tmp_path / "key")
    listen = tuple(Listener.at(url, tls=tls if url.startswith("https") else None) for url in urls)
    return Config(listen=listen, **more)


@pytest.mark.parametrize("accepted", [{Password}, {BearerToken, PublicKey}])
def test_passwords_over_http_that_others_can_reach_are_a_danger_of_that_listener(tmp_path, accepted):
    config = _config(tmp_path, "ssh://0.0.0.0:2222", "http://[::]:8080")

    assert list(dangers(config, frozenset(accepted))) == [
        Danger(
            ("listen", 1),
            "passwords come readably over http://[::]:8080: use https, or let a proxy do TLS, in front of"
            " http on 127.0.0.1 or a unix socket",
        )
    ]


@pytest.mark.parametrize(
    ("urls", "public_urls", "accepted"),
    [
        (["http://127.0.0.1:8080", "http://[::1]:8080", "http+unix:///run/gitgate.sock"], {}, {Password}),
        (["https://0.0.0.0:8443", "ssh://0.0.0.0:22", "git://0.0.0.0:9418"], {}, {Password}),
        (["http://0.0.0.0:8080"], {}, {PublicKey}),
        (["http://0.0.0.0:8080"], PROXIED, {Password}),
    ],
    ids=["on this machine", "encrypted", "keys only", "behind a proxy"],
)
def test_passwords_that_nobody_can_read_on_the_way_are_none(tmp_path, urls, public_urls, accepted):
    config = _config(tmp_path, *urls, public_urls=public_urls)

    assert list(dangers(config, frozenset(accepted))) == []


def test_http_beside_https_is_no_door_of_a_proxy(tmp_path):
    config = _config(tmp_path, "https://0.0.0.0:443", "http://0.0.0.0:80", public_urls=PROXIED)

    assert [danger.keys for danger in dangers(config, frozenset({Password}))] == [("listen", 1)]


def test_pushing_without_a_login_is_a_danger_of_the_plugin_that_allows_it(tmp_path):
    rule = gitgate_rules.Rule(repos=("**",), who=("everyone",), allow=("write",))
    settings = gitgate_rules.RulesSettings(rules=(rule,))
    entry = PluginEntry(use="rules", plugin_class=gitgate_rules.RulesPlugin, settings=settings)

    assert list(dangers(Config(plugins=(entry,)), frozenset())) == [
        Danger(("plugins", 0), "whoever can connect may push without a login: rules: rules[0]")
    ]
