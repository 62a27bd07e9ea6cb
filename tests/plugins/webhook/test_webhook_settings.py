"""A wrong setting ends in a message that says which and why."""

from pathlib import Path
from typing import Any

import pytest
from gitgate_webhook.address import parse_address

from gitgate.config import ConfigError, load_text

SITE = """
version: 1
listen: [{url: "git://127.0.0.1:0"}]
plugins:
  - {use: tree, root: .}
  - use: webhook
"""


def load(folder: Path, keys: str) -> Any:
    lines = "".join(f"    {line}\n" for line in keys.splitlines())
    return load_text(SITE + lines, base=folder, environ={})


WRONG = [
    ("", "url", "this key is required"),
    ("url: policy.example.org", "url", "must begin with https://, http:// or http+unix:///"),
    ("url: ftp://policy.example.org", "url", "must begin with https://"),
    ("url: 'https:///x'", "url", "has no host"),
    ("url: https://a:b@policy.example.org", "url", "must not hold a user name or password; write a bearer token as"),
    ("url: https://policy.example.org/#x", "url", "must not have a '#...' at its end"),
    ("url: https://pölicy.example.org", "url", "holds a character that a URL cannot have"),
    ("url: 'https://policy.example.org/a b'", "url", "holds a character that a URL cannot have"),
    ("url: https://policy.example.org:99999", "url", "Port out of range"),
    ("url: http://policy.example.org", "url", "would send passwords and decisions readably over the network"),
    ("url: http://127.0.0.1.example.org", "url", "would send passwords and decisions readably over the network"),
    ("url: http+unix://run/a.sock", "url", "must name the socket by its absolute path"),
    ("url: http+unix:///run/a.sock:x", "url", "needs a '/' after the ':' behind the socket"),
    (f"url: http+unix:///{'x' * 108}", "url", "names a socket by a path of more than 107 bytes"),
    ("url: http://localhost\ntls: {ca_file: ca.pem}", "tls", "is for an https:// URL, and this one is none"),
    ("url: https://x\ntls: {certificate: a.pem}", "tls", "a client certificate needs both `certificate` and `key`"),
    ("url: https://x\nsigning_secrets: [tiny]", "signing_secrets", "number 1 does not begin with whsec_"),
    ("url: https://x\ntoken: 'a b'", "token", "must be visible ASCII characters without spaces"),
    ("url: https://x\ncredentials: []", "credentials", "is empty; leave authenticate out of `hooks` instead"),
    ("url: https://x\ncredentials: [passwords]", "credentials", "password"),
    ("url: https://x\nprotocol: v2", "protocol", "v1"),
    ("url: https://x\ntimeout: 0s", "timeout", "must be more than 0"),
    ("url: https://x\nstale: 0s", "stale", "must be more than 0"),
    ("url: https://x\nmax_exchanges: 0", "max_exchanges", "must be at least 1"),
    ("url: https://x\nmax_waiting: -1", "max_waiting", "must not be less than 0"),
    ("url: https://x\nbreaker: {failures: 0}", "breaker", "must be at least 1"),
    ("url: https://x\nbreaker: {pause: 0s}", "breaker", "must be more than 0"),
    ("url: https://x\ntimeouts: 1s", "timeouts", "did you mean 'timeout'?"),
]


@pytest.mark.parametrize(("keys", "key", "why"), WRONG, ids=[keys[:60] for keys, *_ in WRONG])
def test_a_wrong_setting_is_named_with_the_reason(keys: str, key: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, keys)
    (problem,) = str(raised.value).splitlines()
    assert f"plugins[1].{key}" in problem
    assert why in problem
    assert "tiny" not in problem


def test_http_to_another_machine_is_for_those_who_spell_it_out(tmp_path: Path) -> None:
    assert load(tmp_path, "url: http://policy.example.org\nallow_insecure: true").plugins[1].use == "webhook"


@pytest.mark.parametrize(
    ("text", "url", "socket"),
    [
        ("http+unix:///run/a.sock:/v1/x?y=z", "http://localhost/v1/x?y=z", "/run/a.sock"),
        ("http+unix:///run/a.sock", "http://localhost/", "/run/a.sock"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x", None),
    ],
)
def test_an_address_is_a_url_and_perhaps_a_socket(text: str, url: str, socket: str | None) -> None:
    address = parse_address(text)
    assert (address.url, address.socket and str(address.socket)) == (url, socket)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_what_stays_on_this_machine_may_go_without_tls(host: str, tmp_path: Path) -> None:
    assert load(tmp_path, f"url: 'http://{host}:8181/v1'").plugins[1].use == "webhook"
