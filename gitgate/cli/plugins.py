"""`gitgate plugins`"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import click

from gitgate.cli.configuration_file import config_option, find_configuration
from gitgate.cli.stops import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plugin:
    """One line of the list. `used` is None where no configuration says; `error` is why it cannot be used."""

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...]
    error: str | None
    used: bool | None


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def plugins(config_file: Path | None, as_json: bool) -> None:
    """List the plugins that are installed.

    Those that the configuration uses are marked. To know their hooks, all of them are imported; a server imports only
    those that its configuration names.
    """
    listed = list(_installed(_used(config_file)))
    if as_json:
        click.echo(json.dumps([asdict(plugin) for plugin in listed], indent=2))
    elif listed:
        width = max(len(plugin.name) for plugin in listed)
        for plugin in listed:
            mark = "*" if plugin.used else " "
            what = f"cannot be used: {plugin.error}" if plugin.error else ", ".join(plugin.hooks)
            click.echo(f"{mark} {plugin.name:<{width}}  {plugin.distribution} {plugin.version}  {what}")
        if any(plugin.used for plugin in listed):
            click.echo("* used by the configuration")
    else:
        raise Misconfigured("gitgate: no plugins are installed; install gitgate itself again")


def _installed(used: frozenset[str] | None) -> Iterator[_Plugin]:
    from importlib.metadata import entry_points

    from gitgate.config.installed_plugins import ENTRY_POINT_GROUP

    unique = {(found.name, found.value): found for found in entry_points(group=ENTRY_POINT_GROUP)}
    for _, entry_point in sorted(unique.items()):
        hooks, error = _hooks(entry_point)
        yield _Plugin(
            name=entry_point.name,
            distribution=entry_point.dist.name if entry_point.dist else "",
            version=entry_point.dist.version if entry_point.dist else "",
            hooks=hooks,
            error=error,
            used=None if used is None else entry_point.name in used,
        )


def _hooks(entry_point: EntryPoint) -> tuple[tuple[str, ...], str | None]:
    """The hooks that the plugin answers, and why that cannot be known where it cannot."""
    from gitgate.config.plugin_entries import HOOKS, PluginUnusable, implemented_hooks, import_plugin
    from gitgate.config.problems import did_you_mean

    try:
        named = implemented_hooks(import_plugin(entry_point.name, {entry_point.name: entry_point}))
    except PluginUnusable as error:
        return (), " ".join(str(error).split())
    unknown = sorted(named - set(HOOKS))
    faults = [f"there is no hook {hook!r}{did_you_mean(hook, HOOKS)}" for hook in unknown]
    return tuple(sorted(named & set(HOOKS))), ". ".join(faults) or None


def _used(config_file: Path | None) -> frozenset[str] | None:
    """The plugins that the configuration uses; None where there is none, or none that can be read."""
    from gitgate.config import ConfigError, load

    found = find_configuration(config_file)
    if found is None:
        return None
    try:
        return frozenset(entry.use for entry in load(found).plugins)
    except ConfigError:
        click.echo(f"{found} cannot be used, so nothing is marked; see `gitgate check -c {found}`", err=True)
        return None
