"""Rules in a file of their own: a YAML list, as it would stand under `rules` in the configuration.

Every value in it is a text or a list of texts, so the file is read as far as YAML's nodes, which know their lines. A
text that YAML itself would take for something else (`no`, `0755`, `2026-01-01`) has to be quoted.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import yaml

from gitgate_rules.settings import Rule, RulesSettings, fault_of_names

_MOST_PROBLEMS: Final = 10

#: PyYAML's words where a sign means something to YAML that is meant as a text.
_NEEDS_QUOTES: Final = re.compile(r"alias|anchor|tag|cannot start|got '\{'")

#: Those where a line begins in a column at which nothing above it does.
_MISPLACED: Final = re.compile(r"block (collection|mapping), expected <block end>|mapping values are not allowed")

_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_LISTS: Final = frozenset({"repos", "who", "refs", "allow", "deny"})
_KEYS: Final = tuple(key.name for key in fields(Rule))


class RulesFileError(ValueError):
    """What is wrong with a file, with each problem's line; nothing of such a file is used."""


@dataclass(frozen=True, slots=True)
class LabelledRule:
    """A rule, and what the log calls it: its name, or else its place."""

    label: str
    rule: Rule


class _Bad(Exception):
    """What is wrong with a node."""

    def __init__(self, node: yaml.Node, why: str) -> None:
        super().__init__(why)
        self.line = node.start_mark.line + 1


def labelled_rules(settings: RulesSettings) -> tuple[LabelledRule, ...]:
    """The rules that the settings have, or that the file which they name has now. Raises OSError, RulesFileError."""
    if settings.file is not None:
        return parse_rules(settings.file.read_bytes(), os.fspath(settings.file))
    return tuple(LabelledRule(rule.name or f"rules[{i}]", rule) for i, rule in enumerate(settings.rules or ()))


def parse_rules(content: bytes, file: str) -> tuple[LabelledRule, ...]:
    """The rules that a file holds. Raises RulesFileError, with all that is wrong, if any of them cannot be used."""
    problems: list[str] = []
    rules: list[LabelledRule] = []
    for node in _nodes(content, file):
        place = f"{file}:{node.start_mark.line + 1}"
        try:
            rule = _rule(node)
            rules.append(LabelledRule(rule.name or place, rule))
        except _Bad as error:
            problems.append(f"{file}:{error.line}: {error}")
        except ValueError as error:
            problems.append(f"{place}: {error}")
    if fault := fault_of_names(labelled.rule for labelled in rules):
        problems.append(f"{file}: {fault}")
    if problems:
        shown = problems[:_MOST_PROBLEMS]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more rules")
        raise RulesFileError("; ".join(shown))
    return tuple(rules)


def _nodes(content: bytes, file: str) -> list[yaml.Node]:
    """The nodes of the list, one for each rule."""
    try:
        root: Any = yaml.compose(content.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise RulesFileError(f"{file}: is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        words = ", ".join(part for part in (error.context, error.problem) if part)
        if mark is not None and _MISPLACED.search(words):
            words = (
                f"the indentation does not fit at column {mark.column + 1}: the keys of a rule begin in one column,"
                " behind its '- ', and the rules' '-' in one, too; a text with ': ' in it is quoted"
            )
        hint = (
            "; quote a text that begins with one of * & ! @ ` % or has a { in it" if _NEEDS_QUOTES.search(words) else ""
        )
        raise RulesFileError(f"{file}{line}: {words}{hint}") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        # PyYAML lets Python's own errors through, such as that of chr() for the escape "\UFFFFFFFF".
        raise RulesFileError(f"{file}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(root, yaml.SequenceNode):
        raise RulesFileError(f"{file}:1: must be a list of rules, each beginning with `- `, and nothing else")
    if not root.value:
        raise RulesFileError(f"{file}:1: is empty; write a rule, or take the plugin out")
    return list(root.value)


def _rule(node: yaml.Node) -> Rule:
    """The rule that the node holds. Raises _Bad, or the ValueError of `Rule`."""
    if not isinstance(node, yaml.MappingNode):
        raise _Bad(node, "a rule is a mapping, such as {repos: [a], who: [everyone], allow: [read]}")
    values = dict(_items(node))
    for key in ("repos", "who"):
        if key not in values:
            raise _Bad(node, f"{key}: this key is required")
    return Rule(**values)


def _items(node: yaml.MappingNode) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for key_node, value_node in node.value:
        key = key_node.value
        if not isinstance(key_node, yaml.ScalarNode) or key not in _KEYS:
            named = f"{key}: " if isinstance(key_node, yaml.ScalarNode) else ""
            raise _Bad(key_node, f"{named}unknown key; a rule has {', '.join(_KEYS)}")
        if key in seen:
            raise _Bad(key_node, f"{key}: this key is written twice")
        seen.add(key)
        yield key, _texts(value_node, key) if key in _LISTS else _text(value_node, key)


def _texts(node: yaml.Node, key: str) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise _Bad(node, f"{key}: must be a list, such as [...]")
    return tuple(_text(item, key) for item in node.value)


def _text(node: yaml.Node, key: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _Bad(node, f"{key}: must be a text")
    if node.tag != _TEXT_TAG:
        kind = node.tag.rpartition(":")[2]
        raise _Bad(node, f"{key}: YAML reads {node.value!r} as {kind}; quote it if it is meant as a text")
    text: str = node.value
    return text
