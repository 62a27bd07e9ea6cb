"""Finds where the bundled plugins let people push who have not logged in."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from gitgate.config import PluginEntry
from gitgate.plugin import Access

_WRITING = frozenset({Access.WRITE, Access.CREATE})


def anonymous_pushes(entries: Sequence[PluginEntry]) -> Iterator[str]:
    """Where it is allowed, in words. What other plugins allow cannot be known without asking them."""
    for entry in entries:
        match entry.plugin_class.__module__.partition(".")[0]:
            case "gitgate_rules":
                yield from _rules(entry.name, entry.settings)
            case "gitgate_repoperms":
                yield from _repoperms(entry.settings)


def _rules(name: str, settings: Any) -> Iterator[str]:
    from gitgate_rules import labelled_rules

    writing = {access.value for access in _WRITING}
    for labelled in labelled_rules(settings):
        if writing & set(labelled.rule.allow or ()) and {"everyone", "anonymous"} & set(labelled.rule.who):
            yield f"{name}: {labelled.label}"


def _repoperms(settings: Any) -> Iterator[str]:
    from gitgate_repoperms.table import parse_table

    for section, users in parse_table(settings.file.read_bytes(), os.fspath(settings.file)).items():
        entry = users.get("anonymous")
        if entry is not None and _WRITING & entry.rights:
            yield f"{entry.place}: anonymous = {entry.value} in [{section}]"
