"""The configuration in use, as data in the form of the file, without secrets."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from gitgate.config.listener import Listener
from gitgate.config.model import Config, PluginEntry
from gitgate.plugin import Secret

_HIDDEN: Final = str(Secret(""))

#: A text of at least this length that came from elsewhere is looked for inside others as well, such as in a URL. A
#: shorter one would be found by chance.
_UNMISTAKABLE: Final = 8


def shown(config: Config) -> dict[str, Any]:
    """`config` with its defaults written out.

    In place of what a reference such as `{$env: NAME}` brought in stands the reference, whatever the setting; other
    secrets, and the values of git's configuration and environment, are left out.
    """
    git = config.git
    data = {
        "version": 1,
        "listen": [_listener(listener) for listener in config.listen],
        "public_urls": dict(config.public_urls),
        "plugins": [_plugin(entry) for entry in config.plugins],
        "limits": _plain(config.limits),
        "log": _plain(config.log),
        "audit": _plain(config.audit),
        "git": {
            **_plain(git),
            "config": dict.fromkeys(git.config, _HIDDEN),
            "environment": dict.fromkeys(git.environment, _HIDDEN),
        },
    }
    return {key: _with_references(value, config.references) for key, value in data.items()}


def _listener(listener: Listener) -> dict[str, Any]:
    written: dict[str, Any] = {"url": listener.url}
    if listener.host_keys:
        written["host_keys"] = [str(path) for path in listener.host_keys]
    if listener.tls is not None:
        written["tls"] = _plain(listener.tls)
    if listener.mode is not None:
        written["mode"] = f"{listener.mode:04o}"
    return written


def _plugin(entry: PluginEntry) -> dict[str, Any]:
    written: dict[str, Any] = {
        "use": entry.use,
        "name": entry.name,
        "deadline": str(entry.deadline),
        "on_error": entry.on_error,
    }
    if entry.hooks is not None:
        written["hooks"] = sorted(entry.hooks)
    settings = None if entry.settings is None else _plain(entry.settings)
    return {**written, **(settings if isinstance(settings, Mapping) else {})}


def _plain(settings: Any) -> Any:
    """Settings as texts, numbers, lists and mappings. A `Secret` and pydantic's own secrets write themselves hidden."""
    return TypeAdapter(type(settings)).dump_python(
        settings, mode="json", by_alias=True, warnings=False, fallback=_of_unknown_type
    )


def _of_unknown_type(value: object) -> object:
    """What stands for a value that pydantic cannot write: for one, the default of a mapping that cannot be changed."""
    return dict(value) if isinstance(value, Mapping) else repr(value)


def _with_references(value: Any, references: Mapping[str, Mapping[str, str]]) -> Any:
    match value:
        case dict():
            return {key: _with_references(item, references) for key, item in value.items()}
        case list():
            return [_with_references(item, references) for item in value]
        case str() if value in references:
            return dict(references[value])
        case str() if any(len(text) >= _UNMISTAKABLE and text in value for text in references):
            return _HIDDEN
    return value
