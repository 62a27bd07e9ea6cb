"""A configuration file into a `Config`: the sections one by one, so that the problems of all are told at once."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar

from gitgate.config.file_format import TOP_KEYS, ListenEntry, PublicUrls
from gitgate.config.installed_plugins import InstalledPlugin, installed_plugins
from gitgate.config.listener import Listener, parse_mode
from gitgate.config.model import AuditSettings, Config, GitSettings, Limits, LogSettings, PluginEntry
from gitgate.config.plugin_entries import read_plugin_entry
from gitgate.config.problems import ConfigError, Problem, did_you_mean
from gitgate.config.reading import Reading
from gitgate.config.state_directory import default_host_keys
from gitgate.config.yaml_document import YamlDocument, decode
from gitgate.plugin import SettingsError, Transport

T = TypeVar("T")

_VERSION: Final = 1

#: No configuration is longer, but what is read by mistake may have no end.
_LONGEST: Final = 4 * 1024 * 1024


def load_file(path: Path, environ: Mapping[str, str], installed: Mapping[str, InstalledPlugin] | None = None) -> Config:
    """The configuration that stands in the file. Raises `ConfigError`."""
    name = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise ConfigError([Problem(None, (), f"{name}: cannot be read: {error.strerror}")]) from None
    if len(content) > _LONGEST:
        raise ConfigError([Problem(None, (), f"{name}: is longer than any configuration: {_LONGEST} bytes")])
    return load_text(decode(content, name), name, path.absolute().parent, environ, installed)


def load_text(
    text: str,
    name: str,
    base: Path,
    environ: Mapping[str, str],
    installed: Mapping[str, InstalledPlugin] | None = None,
) -> Config:
    """The configuration that `text` holds. Raises `ConfigError` with everything that is wrong.

    `name` stands for the file in messages, and relative paths start at the folder `base`. `installed` are the plugins
    to choose from; None means those of the Python environment.
    """
    reading = Reading(YamlDocument(text, name), base, environ)
    if not isinstance(reading.data, dict):
        reading.report((), "the file must be a mapping of keys to values, beginning with `version: 1`")
        reading.raise_problems()
    _check_top_keys(reading)
    config = Config(
        listen=_listeners(reading, environ),
        public_urls=_public_urls(reading),
        plugins=_plugins(reading, installed_plugins() if installed is None else installed),
        limits=_section(reading, "limits", Limits()),
        log=_section(reading, "log", LogSettings()),
        audit=_section(reading, "audit", AuditSettings()),
        git=_section(reading, "git", GitSettings()),
        references=reading.referenced,
    )
    reading.raise_problems()
    return config


def _check_top_keys(reading: Reading) -> None:
    for key in reading.data:
        if key not in TOP_KEYS:
            reading.report((key,), "unknown key" + did_you_mean(key, TOP_KEYS))
    for key in ("version", "listen", "plugins"):
        if key not in reading.data:
            reading.report((key,), "this key is required")
    version = reading.data.get("version", _VERSION)
    if type(version) is not int or version != _VERSION:  # True == 1
        reading.report(("version",), f"must be {_VERSION}, the version of this file's format")


def _section(reading: Reading, key: str, default: T) -> T:
    """What stands at `key`; the default where nothing does, or where it is wrong, which is then reported."""
    if key not in reading.data:
        return default
    return reading.read(type(default), reading.data[key], (key,)) or default


def _entries(reading: Reading, key: str, example: str) -> list[Any]:
    """The list that stands at `key`, which must not be empty."""
    entries = reading.data.get(key)
    if isinstance(entries, list) and entries:
        return entries
    if key in reading.data:
        reading.report((key,), f"must be a list of at least one entry, such as [{{{example}}}]")
    return []


def _listeners(reading: Reading, environ: Mapping[str, str]) -> tuple[Listener, ...]:
    listeners: list[Listener] = []
    taken: dict[object, int] = {}
    for index, value in enumerate(_entries(reading, "listen", "url: ssh://0.0.0.0:2222")):
        entry = reading.read(ListenEntry, value, ("listen", index))
        if entry is None:
            continue
        try:
            listener = _listener(entry, environ)
        except SettingsError as error:
            keys = ("listen", index) if error.key is None else ("listen", index, error.key)
            reading.report(keys, str(error))
            continue
        place = listener.socket or (listener.address, listener.port)
        first = taken.setdefault(place, index)
        if first != index and (listener.socket or listener.port):
            reading.report(("listen", index, "url"), f"listen[{first}] has this address already")
        listeners.append(listener)
    return tuple(listeners)


def _listener(entry: ListenEntry, environ: Mapping[str, str]) -> Listener:
    is_ssh = entry.url.transport is Transport.SSH
    return Listener(
        transport=entry.url.transport,
        address=entry.url.address,
        port=entry.url.port,
        socket=entry.url.socket,
        mode=None if entry.mode is None else parse_mode(entry.mode),
        host_keys=entry.host_keys or (default_host_keys(environ) if is_ssh else ()),
        tls=entry.tls,
    )


def _public_urls(reading: Reading) -> Mapping[str, str]:
    urls: dict[str, str | None] = asdict(_section(reading, "public_urls", PublicUrls()))
    return {kind: url.rstrip("/") for kind, url in urls.items() if url is not None}


def _plugins(reading: Reading, installed: Mapping[str, InstalledPlugin]) -> tuple[PluginEntry, ...]:
    entries: list[PluginEntry] = []
    first_with: dict[str, int] = {}
    for index, value in enumerate(_entries(reading, "plugins", "use: htpasswd")):
        entry = read_plugin_entry(reading, value, ("plugins", index), installed)
        name = (value.get("name") or value.get("use")) if isinstance(value, dict) else None
        first = first_with.setdefault(name, index) if isinstance(name, str) else index
        if first != index:
            key = "name" if "name" in value else "use"
            reading.report(
                ("plugins", index, key), f"plugins[{first}] is called {name!r} too: give each a `name` of its own"
            )
        if entry is not None:
            entries.append(entry)
    return tuple(entries)
