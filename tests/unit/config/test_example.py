"""`gitgate.yaml.example`: it can be used, and it explains every key."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from tomllib import loads
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest
import yaml

from gitgate.config import AuditSettings, Config, GitSettings, Limits, LogSettings, load, show
from gitgate.config.file_format import ConfigFile, ListenEntry, ReservedKeys
from gitgate.config.listener import TlsSettings
from gitgate.config.source_limits import SourcePenalties
from gitgate.plugin import Access, Allow, Deny, GitRequest, RefChange, RefUpdate
from gitgate.testing import Probe, a_push, an_identity

_TOP = Path(__file__).parents[3]
_EXAMPLE = _TOP / "gitgate.yaml.example"


def _bundled() -> dict[str, EntryPoint]:
    project = loads((_TOP / "pyproject.toml").read_text())["project"]
    entry_points: dict[str, str] = project["entry-points"]["gitgate.plugins"]
    return {name: EntryPoint(name, value, "gitgate.plugins") for name, value in entry_points.items()}


def _load_in(folder: Path, text: str) -> Config:
    (folder / "keys").mkdir(exist_ok=True)
    for name in ("nonce-seed", "ldap-password", "policy-token"):
        (folder / "keys" / name).write_text("seed\n")
    (folder / "keys" / "policy-secret").write_text("whsec_" + "c2VjcmV0" * 5 + "\n")
    (folder / "gitgate.yaml").write_text(text)
    return load(folder / "gitgate.yaml", {"HOME": "/home/git"}, _bundled())


def test_the_example_loads_relative_to_its_folder(tmp_path: Path) -> None:
    config = _load_in(tmp_path, _EXAMPLE.read_text())
    assert [listener.url for listener in config.listen] == [
        "ssh://0.0.0.0:2222",
        "https://[::]:8443",
        "http://127.0.0.1:8080",
        "git://0.0.0.0:9418",
    ]
    assert [entry.name for entry in config.plugins] == ["passwords", "authorized-keys", "rules", "tree"]
    assert config.plugins[3].settings.root == tmp_path / "repositories"
    assert config.plugins[3].settings.creation.names == ("users/{user}/**",)
    assert config.audit.file == Path("/var/log/gitgate/audit.jsonl")
    assert config.git.config["receive.certNonceSeed"] == "seed"


def test_the_example_protects_main_and_lets_users_create_their_own(tmp_path: Path) -> None:
    entry = _load_in(tmp_path, _EXAMPLE.read_text()).plugins[2]
    plugin = entry.plugin_class(entry.settings)
    dan, gus = an_identity("dan", "devs"), an_identity("gus")

    def push(path: str, change: RefChange, branch: str = "main") -> GitRequest:
        update = RefUpdate(ref=f"refs/heads/{branch}", old="1" * 40, new="2" * 40, change=change)
        return a_push(path, updates=(update,))

    asked = [
        *((dan, push("/team/app", change)) for change in RefChange),
        (dan, push("/team/app", RefChange.REWIND, "topic")),
        (gus, push("/users/gus/notes", RefChange.CREATE)),
        (gus, a_push("/users/gus/notes", access=Access.CREATE)),
        (gus, a_push("/users/dan/notes", access=Access.CREATE)),
    ]
    probe = Probe(plugin)
    answers = [type(probe.authorize(who, request)) for who, request in asked]
    probe.close()

    assert answers == [Allow, Allow, Deny, Deny, Allow, Allow, Allow, NoneType]


def test_where_the_example_shows_a_default_it_is_the_default(tmp_path: Path) -> None:
    config = _load_in(tmp_path, _EXAMPLE.read_text())
    assert (config.limits, config.log) == (Limits(), LogSettings())
    reserved = {field.name: field.default for field in fields(ReservedKeys)}
    first = config.plugins[0]
    assert (first.deadline, first.on_error) == (reserved["deadline"], reserved["on_error"])


def _with_alternatives() -> str:
    """The example with the entries that are comments: `# - ` and the keys that follow, where a list has its entries."""
    commented = r"^  # (- (?:url|use): .*|  [a-z_]+:(?: .*)?|    - .*)$"
    return re.sub(commented, r"  \1", _EXAMPLE.read_text(), flags=re.MULTILINE)


def test_what_the_example_shows_as_an_alternative_loads_as_well(tmp_path: Path) -> None:
    config = _load_in(tmp_path, _with_alternatives())
    assert (config.listen[3].socket, config.listen[3].mode) == (Path("/run/gitgate/http.sock"), 0o660)
    assert [entry.use for entry in config.plugins] == [
        *("htpasswd", "authorized-keys", "ldap", "webhook", "rules", "repoperms"),
        *("tree", "tree"),
    ]
    assert [root.prefix for root in config.plugins[7].settings.roots] == ["", "attic", "customer"]


def test_what_is_shown_of_the_plugins_without_secrets_can_be_read_again(tmp_path: Path) -> None:
    config = _load_in(tmp_path, _with_alternatives())
    shown = show(config)
    shown["git"]["config"] = {}  # hidden, as it may hold secrets
    shown["plugins"] = [entry for entry in shown["plugins"] if entry["use"] not in ("ldap", "webhook")]

    again = _load_in(tmp_path, yaml.safe_dump(shown))

    before = {entry.name: entry.settings for entry in config.plugins}
    assert len(again.plugins) == 6
    assert all(before[entry.name] == entry.settings for entry in again.plugins)


def _settings_classes(settings_type: Any) -> Iterator[type]:
    """The dataclasses that stand in the type of a setting, at any depth."""
    if isinstance(settings_type, type) and is_dataclass(settings_type):
        yield settings_type
        for hint in get_type_hints(settings_type).values():
            yield from _settings_classes(hint)
    for argument in get_args(settings_type):
        yield from _settings_classes(argument)


def _documented_classes() -> Iterator[type]:
    yield from (ConfigFile, ListenEntry, TlsSettings, Limits, LogSettings, AuditSettings, GitSettings, ReservedKeys)
    yield SourcePenalties
    for entry_point in _bundled().values():
        plugin = getattr(import_module(entry_point.module), entry_point.attr)
        yield from _settings_classes(plugin.settings_type)


@pytest.mark.parametrize(
    ("owner", "key"),
    [
        pytest.param(owner, field.name, id=f"{owner.__module__}.{owner.__qualname__}.{field.name}")
        for owner in dict.fromkeys(_documented_classes())
        for field in fields(owner)
    ],
)
def test_the_example_explains_every_key(owner: type, key: str) -> None:
    assert re.search(rf"(?<![\w.]){re.escape(key)}:\s", _EXAMPLE.read_text()), f"{owner.__qualname__} has a key {key!r}"
