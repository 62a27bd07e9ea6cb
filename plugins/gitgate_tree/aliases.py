"""The old names of repositories that were renamed."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from gitgate.plugin import Missing, SettingsError
from gitgate_tree.names import Name
from gitgate_tree.settings import Alias


class Aliases:
    """Leads from old names to those of today. A repository that was renamed twice may have an alias for each time.

    An old name is taken for good: whatever stands under it in the root is not served, or a repository that somebody
    puts there would get the pushes of all who have not heard of the new name.
    """

    def __init__(self, aliases: Mapping[str, Alias], *, today: Callable[[], date]) -> None:
        """Raises SettingsError where aliases lead round in a circle."""
        self._steps = dict(aliases)
        self._today = today
        for old in self._steps:
            passed = [old]
            while passed[-1] in self._steps:
                passed.append(self._steps[passed[-1]].to)
                if passed[-1] in passed[:-1]:
                    raise SettingsError(f"these lead round in a circle: {' -> '.join(passed)}", key="aliases")

    def __contains__(self, name: str) -> bool:
        return name in self._steps

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def follow(self, name: Name) -> Name | Missing:
        """What is called `name` today: the very same object where it is no alias."""
        if not self._steps:
            return name
        old = "/".join(name)
        alias = self._steps.get(old)
        if alias is None:
            return name
        while alias is not None:
            last_day = alias.last_day
            if last_day is not None and self._today() > last_day:
                return Missing(f"the alias {old} -> {alias.to} ended on {last_day}")
            old = alias.to
            alias = self._steps.get(old)
        return tuple(old.split("/"))
