"""The plugins that are installed: names, and ways to import them. To list them imports none."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final, NoReturn, Protocol

ENTRY_POINT_GROUP: Final = "gitgate.plugins"


class InstalledPlugin(Protocol):
    """What is known of a plugin before it is imported. An `importlib.metadata.EntryPoint` is one."""

    @property
    def value(self) -> str:
        """Where its class is, as "module:Class"."""

    def load(self) -> object:
        """Its class. Imports the module, and raises whatever that raises."""


@dataclass(frozen=True)
class _Conflict:
    """Two packages that give a plugin the same name. To pick one would let either stand in for the other."""

    name: str
    value: str

    def load(self) -> NoReturn:
        raise ImportError(f"several packages provide a plugin {self.name!r} ({self.value}); uninstall all but one")


def installed_plugins() -> Mapping[str, InstalledPlugin]:
    """The plugins of the entry-point group `gitgate.plugins` by the name that `use` takes, in alphabetical order."""
    by_name: dict[str, dict[str, EntryPoint]] = {}
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        # One package may be found twice, as in a checkout that is installed as well: then both name the same class.
        by_name.setdefault(entry_point.name, {}).setdefault(entry_point.value, entry_point)
    return {
        name: next(iter(found.values())) if len(found) == 1 else _Conflict(name, ", ".join(found))
        for name, found in sorted(by_name.items())
    }
