"""`gitgate config show`: what is in use, without secrets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, SecretStr

from gitgate.config import Config, ConfigError, Listener, load_text, show
from gitgate.plugin import Duration, Secret, Transport, hookimpl

_TEXT = """
version: 1
listen:
  - url: ssh://[::1]:2222
    host_keys: [key]
  - {url: 'https://[::1]', tls: {certificate: a, key: b}}
  - {url: 'http+unix:///run/x', mode: "0660"}
public_urls: {http: "https://git.example.org"}
plugins:
  - use: directory
    uris: [{$env: URI}]
    password: {$env: PASS}
    attributes: {one: {$env: PASS}, two: {$env: LONG}}
    hooks: [authenticate]
  - use: policy
git:
  config: {receive.certNonceSeed: seed}
  environment: {TOKEN: {$env: PASS}}
"""
_ENVIRON = {"URI": "ldaps://a", "PASS": "s3cret", "LONG": "0123456789abcdef"}


def test_the_configuration_is_shown_with_defaults_and_without_secrets(
    tmp_path: Path, load: Callable[..., Config]
) -> None:
    assert show(load(_TEXT, _ENVIRON)) == {
        "version": 1,
        "listen": [
            {"url": "ssh://[::1]:2222", "host_keys": [f"{tmp_path}/key"]},
            {"url": "https://[::1]:443", "tls": {"certificate": f"{tmp_path}/a", "key": f"{tmp_path}/b"}},
            {"url": "http+unix:///run/x", "mode": "0660"},
        ],
        "public_urls": {"http": "https://git.example.org"},
        "plugins": [
            {
                "use": "directory",
                "name": "directory",
                "deadline": "10s",
                "on_error": "refuse",
                "hooks": ["authenticate"],
                "uris": [{"$env": "URI"}],
                "password": "Secret(...)",
                "timeout": "5s",
                "tls": None,
                "attributes": {"one": {"$env": "PASS"}, "two": {"$env": "LONG"}},
                "retries": 1,
            },
            {"use": "policy", "name": "policy", "deadline": "10s", "on_error": "refuse"},
        ],
        "limits": {
            "login_deadline": "30s",
            "idle_deadline": "10m",
            "max_operations": 100,
            "max_operations_per_repository": 50,
            "max_operations_per_identity": 50,
            "max_operations_per_source": 25,
            "max_clones": 20,
            "max_clones_per_source": 10,
            "operation_wait": "10s",
            "max_connections": 1000,
            "stall_deadline": "2m",
            "transfer_deadline": "1d",
            "max_requests": 1000,
            "max_headers": 100,
            "max_header_bytes": "16KiB",
            "max_fetch_request": "10MiB",
            "max_startups": "100:30:200",
            "per_source_max_connections": 100,
            "per_source_net_block_size": "32:64",
            "per_source_penalties": {
                "authfail": "5s",
                "noauth": "1s",
                "grace_exceeded": "10s",
                "malformed": "5s",
                "min": "15s",
                "max": "10m",
            },
            "per_source_exempt": ["127.0.0.0/8", "::1/128"],
            "max_login_attempts": 6,
            "max_sessions": 10,
            "keepalive_interval": "15s",
            "keepalive_count": 3,
            "rekey_bytes": "1GiB",
            "rekey_interval": "1h",
        },
        "log": {"level": "info", "format": "text"},
        "audit": {"file": None},
        "git": {
            "executable": None,
            "config": {"receive.certNonceSeed": "Secret(...)"},
            "environment": {"TOKEN": "Secret(...)"},
            "max_push_size": "10GiB",
            "check_objects": True,
            "trust_repositories": True,
            "cache_size": "1GiB",
            "cache_folder": None,
        },
    }


def test_what_is_shown_can_be_written_as_yaml_and_read_again(load: Callable[..., Config]) -> None:
    config = load(_TEXT, _ENVIRON)
    again = load(yaml.safe_dump(show(config), sort_keys=False), _ENVIRON)
    assert (again.listen, again.limits, again.plugins[1].name) == (config.listen, config.limits, "policy")


def test_a_configuration_built_in_python_is_shown_too() -> None:
    shown = show(Config(listen=(Listener(transport=Transport.GIT, address="127.0.0.1", port=0),)))
    assert (shown["listen"], shown["plugins"]) == ([{"url": "git://127.0.0.1:0"}], [])


class _Nested(BaseModel):
    token: SecretStr
    plain: str


@dataclass(frozen=True)
class _Settings:
    url: str
    nested: _Nested
    own: Secret
    secrets: tuple[Secret, ...]
    retry: Duration


class _Plugin:
    settings_type = _Settings

    @hookimpl
    def started(self) -> None: ...


class _Found:
    value = "x:X"

    def load(self) -> Any:
        return _Plugin


def test_secrets_show_nowhere(tmp_path: Path) -> None:
    """A report of a fault carries the configuration. It must hold no secret, whether a plugin's author marked the
    setting as one (`Secret`, pydantic's `SecretStr`), or only the operator, with a reference, did."""
    text = """
version: 1
listen: [{url: 'git://127.0.0.1'}]
plugins:
  - use: x
    url: {$env: URL}
    nested: {token: in-file-1, plain: {$env: PLAIN}}
    own: in-file-2
    secrets: [in-file-3, {$env: PLAIN}]
    retry: 1s
git: {config: {a.b: in-file-4}, environment: {X: {$file: secret}}}
"""
    (tmp_path / "secret").write_text("in-file-5")
    environ = {"URL": "https://user:from-environment@host/", "PLAIN": "from-environment"}
    config = load_text(text, base=tmp_path, environ=environ, installed={"x": _Found()})
    told = f"{show(config)} {config.git} {Config(git=config.git, references=config.references)}"
    assert "in-file" not in told
    assert "from-environment" not in told


def test_a_secret_shows_in_no_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(
            "version: 1\nlisten: [{url: 'git://127.0.0.1'}]\n"
            "plugins: [{use: x, own: 5, secrets: hunter2, nested: {token: [hunter2]}}]",
            base=tmp_path,
            environ={},
            installed={"x": _Found()},
        )
    assert len(caught.value.problems) == 6
    assert "hunter2" not in str(caught.value)
