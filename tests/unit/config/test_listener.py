"""Listeners: what a URL says, and what fits to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gitgate.config import Config, Listener, TlsSettings
from gitgate.plugin import SettingsError, Transport

_PLUGINS = "\nversion: 1\nplugins: [{use: policy}]\nlisten:\n"


@pytest.mark.parametrize(
    ("url", "transport", "address", "port"),
    [
        ("ssh://0.0.0.0:2222", Transport.SSH, "0.0.0.0", 2222),
        ("ssh://[::]:2222", Transport.SSH, "::", 2222),
        ("ssh://127.0.0.1", Transport.SSH, "127.0.0.1", 22),
        ("http://localhost", Transport.HTTP, "127.0.0.1", 80),
        ("http://[::1]/", Transport.HTTP, "::1", 80),
        ("git://127.0.0.1", Transport.GIT, "127.0.0.1", 9418),
        ("git://127.0.0.1:0", Transport.GIT, "127.0.0.1", 0),
    ],
)
def test_a_url_says_transport_address_and_port(
    load: Callable[..., Config], url: str, transport: Transport, address: str, port: int
) -> None:
    (listener,) = load(f"{_PLUGINS}  - url: {url}\n").listen
    assert (listener.transport, listener.address, listener.port, listener.socket) == (transport, address, port, None)


def test_https_has_a_certificate_and_its_own_port(tmp_path: Path, load: Callable[..., Config]) -> None:
    (listener,) = load(f"{_PLUGINS}  - {{url: 'https://0.0.0.0', tls: {{certificate: a.crt, key: /b.key}}}}\n").listen
    assert listener == Listener(
        transport=Transport.HTTPS,
        address="0.0.0.0",
        port=443,
        tls=TlsSettings(certificate=tmp_path / "a.crt", key=Path("/b.key")),
    )


@pytest.mark.parametrize(
    ("keys", "mode"), [("", None), (', mode: "0600"', 0o600), (', mode: "666"', 0o666), (", mode: 0640", 0o640)]
)
def test_http_may_be_spoken_on_a_unix_socket(load: Callable[..., Config], keys: str, mode: int | None) -> None:
    (listener,) = load(f"{_PLUGINS}  - {{url: 'http+unix:///run/gitgate/http.sock'{keys}}}\n").listen
    assert listener == Listener(transport=Transport.HTTP, socket=Path("/run/gitgate/http.sock"), mode=mode)


def test_ssh_has_host_keys_of_its_own_or_those_of_the_state_directory(
    tmp_path: Path, load: Callable[..., Config]
) -> None:
    text = f"{_PLUGINS}  - {{url: 'ssh://[::1]', host_keys: [key, /etc/key]}}\n  - {{url: 'ssh://127.0.0.1'}}\n"
    listeners = load(text, {"STATE_DIRECTORY": "/var/lib/gitgate"}).listen
    assert [listener.host_keys for listener in listeners] == [
        (tmp_path / "key", Path("/etc/key")),
        (Path("/var/lib/gitgate/ssh_host_ed25519_key"), Path("/var/lib/gitgate/ssh_host_rsa_key")),
    ]


_NAME = (
    "the host must be an IP address or localhost, since names are not looked up to listen:"
    " 0.0.0.0 is every IPv4 address, [::] every IPv6 address"
)
_SHAPE = "must be a URL such as ssh://0.0.0.0:2222, http://[::1]:8080 or http+unix:///run/gitgate.sock"
_SOCKET = "a unix socket is an absolute path after two slashes: http+unix:///run/gitgate/http.sock"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ssh://git.example.org:22", _NAME),
        ("ssh://*:22", _NAME),
        ("ssh://:22", _NAME),
        ("ssh://[127.0.0.1]:22", _NAME),
        ("ssh://git@0.0.0.0:22", _NAME),
        ("ssh://::1:22", _SHAPE),
        ("ssh://0.0.0.0:ssh", _SHAPE),
        ("ssh://0.0.0.0:٢٢", _SHAPE),
        ("0.0.0.0:22", _SHAPE),
        ("ssh://0.0.0.0:65536", "port 65536 is more than 65535"),
        ("ssh://0.0.0.0:22/srv", "a listener serves all paths: leave out what follows the port"),
        ("sssh://0.0.0.0", "the protocol must be one of ssh, http, https, git, http+unix; did you mean 'ssh'?"),
        (
            "https+unix:///run/x",
            "the protocol must be one of ssh, http, https, git, http+unix; did you mean 'http+unix'?",
        ),
        ("http+unix://run/x", _SOCKET),
        ("http+unix:///", _SOCKET),
        (f"http+unix:///{'x' * 107}", "the path of a unix socket has at most 107 bytes (unix(7))"),
    ],
)
def test_a_url_where_gitgate_cannot_listen_is_told(
    problems_of: Callable[..., list[str]], url: str, problem: str
) -> None:
    assert problems_of(f"{_PLUGINS}  - url: '{url}'\n") == [f"4:5: listen[0].url: {problem}"]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{url: 'https://[::]'}", "4:5: listen[0].tls: https needs a certificate: {certificate: file, key: file}"),
        ("{url: 'http://[::]', tls: {certificate: a, key: b}}", "4:26: listen[0].tls: is for https, and this is http"),
        ("{url: 'git://[::]', host_keys: [a]}", "4:25: listen[0].host_keys: are for ssh, and this is git"),
        ("{url: 'ssh://[::]', mode: '0600'}", "4:25: listen[0].mode: is for unix sockets, and this is none"),
        ("{url: 'http+unix:///x', mode: '0999'}", '4:29: listen[0].mode: must be permissions such as "0660"'),
        ("{url: 'http+unix:///x', mode: 660}", "4:29: listen[0].mode: must be a text; quote it"),
        (
            "{url: 'http+unix:///x', tls: {certificate: a, key: b}}",
            "4:29: listen[0].tls: is for https, and this is http",
        ),
        ("{host_keys: [a]}", "4:5: listen[0].url: this key is required"),
        ("ssh://0.0.0.0", "4:5: listen[0]: must be a mapping of keys to values"),
    ],
)
def test_what_does_not_fit_to_a_listener_is_told(
    problems_of: Callable[..., list[str]], entry: str, problem: str
) -> None:
    assert problems_of(f"{_PLUGINS}  - {entry}\n") == [problem]


def test_two_listeners_cannot_have_one_address(problems_of: Callable[..., list[str]]) -> None:
    """Whatever they speak there; but port 0 is another one each time."""
    urls = ["http://0.0.0.0:22", "ssh://0.0.0.0", "ssh://[::]", "git://[::]:0", "git://[::]:0"]
    urls += ["http+unix:///x", "http+unix:///x"]
    assert problems_of(_PLUGINS + "".join(f"  - url: '{url}'\n" for url in urls)) == [
        "5:5: listen[1].url: listen[0] has this address already",
        "10:5: listen[6].url: listen[5] has this address already",
    ]


def test_a_listener_writes_its_url() -> None:
    listeners = [
        Listener(transport=Transport.GIT, address="::1", port=9418),
        Listener(transport=Transport.HTTP, address="127.0.0.1", port=0),
        Listener(transport=Transport.HTTP, socket=Path("/run/x")),
    ]
    urls = [listener.url for listener in listeners]
    assert urls == ["git://[::1]:9418", "http://127.0.0.1:0", "http+unix:///run/x"]


def test_a_listener_built_in_python_has_the_same_checks_and_default_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/gitgate")
    ssh = Listener(transport=Transport.SSH, address="::1", port=0)
    assert ssh.host_keys[0] == Path("/var/lib/gitgate/ssh_host_ed25519_key")
    with pytest.raises(SettingsError, match="https needs a certificate"):
        Listener(transport=Transport.HTTPS, address="::1", port=0)
