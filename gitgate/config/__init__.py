"""The configuration: YAML into one frozen `Config`, or every problem with its line.

    model.py, listener.py, checks.py   what the rest of gitgate sees
    file_format.py                     what the file looks like
    loading.py                         from the one to the other, section by section
    plugin_entries.py                  the entries of `plugins`, with installed_plugins.py
    reading.py, schema_guide.py        values into the types of settings, ours and those of plugins
    yaml_document.py, references.py    text into values with positions; secrets from elsewhere
    showing.py, json_schema.py         `gitgate config show` and `gitgate config schema`
    state_directory.py, problems.py    where host keys are kept; what is wrong, and where

To import this package imports neither YAML's parser nor pydantic: the functions below do it when they are called.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitgate.config.listener import Listener, TlsSettings
from gitgate.config.model import AuditSettings, Config, GitSettings, Limits, LogSettings, PluginEntry
from gitgate.config.problems import ConfigError, Position, Problem

if TYPE_CHECKING:
    from gitgate.config.installed_plugins import InstalledPlugin

__all__ = [
    "AuditSettings",
    "Config",
    "ConfigError",
    "GitSettings",
    "Limits",
    "Listener",
    "LogSettings",
    "PluginEntry",
    "Position",
    "Problem",
    "TlsSettings",
    "load",
    "load_text",
    "schema",
    "show",
]


def load(
    path: Path, environ: Mapping[str, str] = os.environ, installed: "Mapping[str, InstalledPlugin] | None" = None
) -> Config:
    """The configuration that stands in the file. Raises `ConfigError` with everything that is wrong with it.

    `installed` are the plugins to choose from; None means those of the Python environment.
    """
    from gitgate.config.loading import load_file

    return load_file(path, environ, installed)


def load_text(
    text: str,
    *,
    name: str = "gitgate.yaml",
    base: Path,
    environ: Mapping[str, str] = os.environ,
    installed: "Mapping[str, InstalledPlugin] | None" = None,
) -> Config:
    """The configuration that `text` holds, as if it stood in a file `name` in the folder `base`."""
    from gitgate.config import loading

    return loading.load_text(text, name, base, environ, installed)


def show(config: Config) -> dict[str, Any]:
    """The configuration in use, as plain data in the form of the file: defaults written out, and secrets left out."""
    from gitgate.config.showing import shown

    return shown(config)


def schema(installed: "Mapping[str, InstalledPlugin] | None" = None) -> dict[str, Any]:
    """The JSON Schema of the file, with the settings of all installed plugins, for editors."""
    from gitgate.config.json_schema import json_schema

    return json_schema(installed)
