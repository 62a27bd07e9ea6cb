"""One entry of `plugins:` into a `PluginEntry`: the plugin's class, the reserved keys, and its settings."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitgate.config.file_format import RESERVED_KEYS, ReservedKeys
from gitgate.config.installed_plugins import InstalledPlugin
from gitgate.config.model import PluginEntry
from gitgate.config.problems import KeyPath, did_you_mean
from gitgate.config.reading import Reading
from gitgate.plugin import Hooks

#: What pluggy's markers leave on a function: the project's name, and `_spec` or `_impl`.
_SPEC_MARK: Final = "gitgate_spec"
_IMPL_MARK: Final = "gitgate_impl"

HOOKS: Final = tuple(name for name, member in vars(Hooks).items() if hasattr(member, _SPEC_MARK))

#: The hooks whose first answer decides. Only a failure of the first may be taken for "no opinion".
_DECISIONS: Final = frozenset({"authenticate", "resolve_path", "authorize", "create_repository"})


class PluginUnusable(Exception):
    """A plugin that cannot be used as it is installed; the message says why."""


def import_plugin(name: str, installed: Mapping[str, InstalledPlugin]) -> type:
    """The class of an installed plugin. Raises `PluginUnusable`."""
    if name not in installed:
        known = ", ".join(installed) or "none"
        hint = did_you_mean(name, installed) or "; install the package that provides it"
        raise PluginUnusable(f"no plugin {name!r} is installed{hint} (installed: {known})")
    try:
        plugin_class = installed[name].load()
    except (Exception, SystemExit) as error:  # a module that is really a script may want to end the process
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginUnusable(f"the plugin cannot be imported: {words}") from error
    if not isinstance(plugin_class, type):
        raise PluginUnusable(f"{installed[name].value} is not a class, and a plugin is one")
    return plugin_class


def settings_type_of(plugin_class: type) -> type | None:
    """What the plugin's settings are built as; None for a plugin without settings. Raises `PluginUnusable`."""
    settings_type: object = getattr(plugin_class, "settings_type", None)
    if settings_type is None or isinstance(settings_type, type):
        return settings_type
    raise PluginUnusable(f"settings_type of {plugin_class.__qualname__} is not a class")


def implemented_hooks(plugin_class: type) -> frozenset[str]:
    """The hooks that the plugin answers: its methods that are marked, by the name of the hook that they are for."""
    marks = {name: getattr(getattr(plugin_class, name, None), _IMPL_MARK, None) for name in dir(plugin_class)}
    return frozenset(mark.get("specname") or name for name, mark in marks.items() if isinstance(mark, Mapping))


def read_plugin_entry(
    reading: Reading, value: Any, keys: KeyPath, installed: Mapping[str, InstalledPlugin]
) -> PluginEntry | None:
    """The entry that stands at `keys`; None where something is wrong with it, which is then reported."""
    if not isinstance(value, dict):
        reading.report(keys, "must be a mapping of keys to values, such as {use: htpasswd, file: .htpasswd}")
        return None
    reserved = reading.read(ReservedKeys, {key: value[key] for key in value if key in RESERVED_KEYS}, keys)
    use = value.get("use")
    if not isinstance(use, str):
        return None
    try:
        plugin_class = import_plugin(use, installed)
        settings_type = settings_type_of(plugin_class)
    except PluginUnusable as error:
        reading.report((*keys, "use"), str(error))
        return None
    given = {key: value[key] for key in value if key not in RESERVED_KEYS}
    settings = None
    if settings_type is not None:
        settings = reading.read(settings_type, given, keys, reserved=RESERVED_KEYS)
    for key in given if settings_type is None else ():
        reading.report((*keys, key), f"unknown key: this plugin has no settings{did_you_mean(key, RESERVED_KEYS)}")
    if reserved is None:
        return None
    for key, message in _misused_hooks(reserved, implemented_hooks(plugin_class)):
        reading.report((*keys, key), message)
    return PluginEntry(
        use=use,
        plugin_class=plugin_class,
        name=reserved.name or use,
        deadline=reserved.deadline,
        on_error=reserved.on_error,
        hooks=reserved.hooks,
        settings=settings,
        position=reading.position(keys),
        keys=keys,
        key_positions={key: reading.position((*keys, key)) for key in value},
    )


def _misused_hooks(reserved: ReservedKeys, implemented: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with `hooks` and `on_error`: the key, and what to say."""
    hooks = implemented if reserved.hooks is None else reserved.hooks
    if not implemented:
        yield "use", "this plugin answers no hook; its author must mark methods with @hookimpl"
    elif not hooks:
        yield "hooks", "must name a hook: as it is, the plugin would never be asked"
    for hook in sorted(hooks):
        if hook not in HOOKS:
            yield "hooks", f"there is no hook {hook!r}{did_you_mean(hook, HOOKS)} (hooks: {', '.join(HOOKS)})"
        elif hook not in implemented:
            yield "hooks", f"this plugin does not answer {hook}, only {', '.join(sorted(implemented)) or 'nothing'}"
    decisions = hooks & _DECISIONS
    if reserved.on_error == "abstain" and decisions != {"authenticate"}:
        yield (
            "on_error",
            "'abstain' is for logins only, and this plugin also answers "
            f"{', '.join(sorted(decisions - {'authenticate'}))}: restrict it with hooks: [authenticate]"
            if "authenticate" in decisions
            else "'abstain' is for logins only, and this plugin is not asked about logins",
        )
