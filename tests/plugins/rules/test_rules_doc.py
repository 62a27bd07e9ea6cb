"""docs/rules.md is true: each of its lists of rules is loaded, and each row of the table below it is asked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import indent
from typing import Final

import pytest

from gitgate.config import load_text
from gitgate.plugin import ANONYMOUS, Access, Allow, Deny, GitRequest, Identity, RefChange, RefUpdate
from gitgate.testing import Probe, a_fetch, a_push, an_identity

_GUIDE: Final = Path(__file__).parents[3] / "docs/rules.md"

_INSTALLED: Final = {"rules": EntryPoint("rules", "gitgate_rules:RulesPlugin", "gitgate.plugins")}


@dataclass(frozen=True)
class Example:
    """A list of rules, and what is said of it: who, action, verdict."""

    title: str
    rules: str
    rows: tuple[tuple[str, str, str], ...]


def _examples() -> Iterator[Example]:
    for section in re.split(r"^#+ ", _GUIDE.read_text(), flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        for rules, after in re.findall(r"^```yaml\n(.*?)^```$(.*?)(?=^```|\Z)", section, re.DOTALL | re.MULTILINE):
            rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", after, re.MULTILINE)
            assert rows[0] == ("who", "action", "verdict"), title
            yield Example(title, rules, tuple(rows[1:]))


_EXAMPLES: Final = tuple(_examples())


@pytest.mark.parametrize("example", _EXAMPLES, ids=lambda example: example.title)
def test_an_example_does_what_its_table_says(example: Example, caplog: pytest.LogCaptureFixture) -> None:
    config = load_text(
        "version: 1\nlisten: [{url: git://127.0.0.1:0}]\nplugins:\n  - use: rules\n" + indent(example.rules, "    "),
        name="gitgate.yaml",
        base=Path("/"),
        environ={},
        installed=_INSTALLED,
    )
    probe = Probe(config.plugins[0].plugin_class(config.plugins[0].settings))

    said = tuple((who, action, _verdict(probe, _identity(who), *action.split())) for who, action, _ in example.rows)

    probe.close()
    assert said == example.rows
    assert caplog.messages == []  # no rule that never decides


def test_every_list_of_rules_in_the_guide_is_tested() -> None:
    """Otherwise the test above could be of nothing."""
    guide = _GUIDE.read_text()
    assert guide.count("```yaml") == guide.count("```gitolite") + 1 == len(_EXAMPLES) == guide.count("| who | action |")
    assert all(example.rows for example in _EXAMPLES)


def _identity(who: str) -> Identity:
    """`alice (devs, leads)` as the login would give it."""
    name, _, groups = who.rstrip(")").partition(" (")
    return ANONYMOUS if name == "anonymous" else an_identity(name, *filter(None, groups.split(", ")))


def _verdict(probe: Probe, identity: Identity, verb: str, repository: str, ref: str = "") -> str:
    """How it ends for the client: a push is allowed if each of the questions about it is."""
    vote: Allow | Deny | None = None
    for request in _questions(verb, f"/{repository}", ref):
        vote = probe.authorize(identity, request)
        if not isinstance(vote, Allow):
            break
    if vote is None:
        return "denied, no rule"
    return f"{'allowed' if isinstance(vote, Allow) else 'denied'} by {vote.reason.partition(':')[0]}"


def _questions(verb: str, path: str, ref: str) -> list[GitRequest]:
    """What the gateway asks, one after the other, until it is refused."""
    if verb == "read":
        return [a_fetch(path)]
    push = a_push(path)
    if verb == "create":
        return [replace(push, access=Access.CREATE)]
    changes = {
        "write": [RefChange.CREATE],
        "force": [RefChange.REWIND] if ref.startswith("refs/tags/") else [RefChange.UPDATE, RefChange.REWIND],
        "delete": [RefChange.DELETE],
    }[verb]
    updates = [RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=change) for change in changes]
    return [push, *(replace(push, updates=(update,)) for update in updates)]
