"""What `gitgate check --online` finds out: each plugin looks at what it depends on."""

from dataclasses import dataclass, field

from gitgate.cli.rehearsal import FailedStarts, rehearse
from gitgate.config import Config, Problem
from gitgate.plugin import Finding
from gitgate.wire.printable import printable

#: A finding that is longer is cut.
_LONGEST = 2000


@dataclass(slots=True)
class Online:
    """What is well, a line for each, and every problem with the place of its plugin in the file."""

    fine: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def look_online(config: Config) -> Online:
    """What the plugins find, in the order of the configuration. Each has a minute at most, so this ends."""
    starts = FailedStarts()
    checked = dict(rehearse(config, lambda explainer: explainer.chain.check_online(), starts))
    failed = {it.plugin: (Finding(it.what_happened, is_problem=True),) for it in starts.failures}
    online = Online()
    for entry in config.plugins:
        for finding in (*failed.get(entry.name, ()), *checked.get(entry.name, ())):
            line = f"{entry.name}: {printable(finding.text, _LONGEST)}"
            if finding.is_problem:
                online.problems.append(entry.problem(line))
            else:
                online.fine.append(line)
    return online
