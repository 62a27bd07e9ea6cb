"""YAML into plain values, with the place of each.

What is read is the part of YAML that says what it looks like. `true` and `false` are the only booleans, numbers are
decimal, and nothing becomes a date: `no`, `0755`, `22:22` and `2026-01-01` are texts, which YAML 1.1 would turn into
False, 493, 1342 and a date. The keys of a mapping are always texts, and a key that is written twice is a problem.
Anchors and aliases are read; tags and merge keys (`<<`), which YAML 1.2 no longer has, are not.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from gitgate.config.problems import ConfigError, KeyPath, Position, Problem

#: What a scalar can be, by its text. Long numbers stay texts: they are names of something, not amounts.
_NULL: Final = re.compile(r"|~|null")
_BOOLEAN: Final = re.compile(r"true|false")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}(?:[eE][-+]?[0-9]{1,3})?")

_SURROGATE: Final = re.compile("[\ud800-\udfff]")

#: Deeper than any setting, and far from Python's own limit, at which PyYAML would fail without a position.
_DEEPEST: Final = 50

#: A "billion laughs" file of nine lines writes 10**9 values with aliases. No configuration has this many.
_MOST_VALUES: Final = 100_000


class YamlDocument:
    """The values of one YAML text, and where each of them stands.

    `problems` is what is wrong with keys and texts; what it concerns is left out of `data`, so that the rest can be
    judged as well. Raises `ConfigError` where the text cannot be read at all.
    """

    def __init__(self, text: str, name: str) -> None:
        self.problems: list[Problem] = []
        self._name = name
        self._count = 0
        self._root = _compose(text, name)
        self.data: Any = self._value(self._root, (), ())

    def position(self, keys: KeyPath) -> Position:
        """Where the path stands: its key, or its item of a list; for what is not there, the nearest that holds it."""
        node, place = self._root, self._root
        for key in keys:
            match node:
                case yaml.MappingNode():
                    found = [(k, v) for k, v in node.value if k.value == key]
                    if not found:
                        break
                    place, node = found[0]
                case yaml.SequenceNode() if isinstance(key, int) and key < len(node.value):
                    place = node = node.value[key]
                case _:
                    break
        return _position(self._name, place.start_mark)

    def _value(self, node: yaml.Node, keys: KeyPath, inside: tuple[yaml.Node, ...]) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES:
            raise ConfigError(
                [self._problem(node, keys, f"with aliases written out, there are over {_MOST_VALUES} values")]
            )
        if any(node is outer for outer in inside):
            raise ConfigError([self._problem(node, keys, "an alias stands inside its own anchor")])
        match node:
            case yaml.MappingNode():
                return dict(self._items(node, keys, (*inside, node)))
            case yaml.SequenceNode():
                return [self._value(item, (*keys, i), (*inside, node)) for i, item in enumerate(node.value)]
        quoted = isinstance(node, yaml.ScalarNode) and node.style
        return self._text(node, keys) if quoted else plain_scalar(self._text(node, keys))

    def _items(self, node: yaml.MappingNode, keys: KeyPath, inside: tuple[yaml.Node, ...]) -> Iterator[tuple[str, Any]]:
        first_lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._add(key_node, keys, "a key must be a text: quote it")
                continue
            key = self._text(key_node, keys)
            if key == "<<" and not key_node.style:
                self._add(key_node, keys, "merge keys ('<<') are not read: write the keys out")
            elif key in first_lines:
                self._add(key_node, (*keys, key), f"this key is written twice; first in line {first_lines[key]}")
            else:
                first_lines[key] = key_node.start_mark.line + 1
                yield key, self._value(value_node, (*keys, key), inside)

    def _text(self, node: yaml.Node, keys: KeyPath) -> str:
        text: str = node.value
        if _SURROGATE.search(text):
            self._add(node, keys, "half of a surrogate pair is not a character: write \\U and eight digits")
            return ""
        return text

    def _add(self, node: yaml.Node, keys: KeyPath, message: str) -> None:
        self.problems.append(self._problem(node, keys, message))

    def _problem(self, node: yaml.Node, keys: KeyPath, message: str) -> Problem:
        return Problem(_position(self._name, node.start_mark), keys, message)


def plain_scalar(text: str) -> str | int | float | bool | None:
    """What a text without quotes means."""
    if _NULL.fullmatch(text):
        return None
    if _BOOLEAN.fullmatch(text):
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def decode(content: bytes, name: str) -> str:
    """The text of a file. Raises `ConfigError` where it is not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        raise ConfigError([Problem(_position_after(before, name), (), "the file is not UTF-8")]) from None


class _Loader(yaml.SafeLoader):
    """PyYAML as far as nodes, where scalars are still texts. Refuses what this module says that it does not read."""

    # Nothing is resolved: what a plain scalar means is decided by `plain_scalar`.
    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - PyYAML's own declaration

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise yaml.composer.ComposerError(
                None,
                None,
                "'!' begins a tag, and tags are not read: quote a text that begins with '!'",
                event.start_mark,
            )
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.composer.ComposerError(None, None, "nested too deeply", event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _compose(text: str, name: str) -> yaml.Node:
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        message = f"the character U+{error.character:04X} cannot stand in YAML; in double quotes, write it as an escape"
        raise ConfigError([Problem(_position_after(text[: error.position], name), (), message)]) from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax_problem(error, name)]) from None
    except (ValueError, OverflowError):
        # PyYAML lets Python's own errors through, such as that of chr() for the escape "\UFFFFFFFF".
        where = _position(name, loader.get_mark()) if loader is not None else Position(name, 1, 1)
        raise ConfigError([Problem(where, (), "not YAML: a number or an escape is out of range")]) from None
    if root is None:
        raise ConfigError([Problem(Position(name, 1, 1), (), "the file is empty")])
    return root


#: What operators write without quotes, by the words with which PyYAML refuses it, and what helps.
_HINTS: Final = (
    (r"while scanning an alias", "'*' begins an alias: quote a text that begins with '*'"),
    (r"found undefined alias", "'*' begins an alias, and there is no such anchor: quote a text that begins with '*'"),
    (r"while scanning an anchor", "'&' begins an anchor: quote a text that begins with '&'"),
    (r"while (scanning|parsing) a tag|undefined tag handle", "'!' begins a tag: quote a text that begins with '!'"),
    (r"character '\\t' that cannot start", "a tab cannot indent: use spaces"),
    (r"character '(.)' that cannot start", "a text that begins with {0!r} must be quoted"),
    (
        r"mapping values are not allowed",
        "a key cannot stand here: look at the indentation, and quote a text with ': ' in it",
    ),
    (
        r"flow (sequence|mapping), .*but got '\{'",
        "'{{' begins a mapping: between [ ] or {{ }}, quote a text with '{{' in it",
    ),
    (
        r"expected <block end>, but found '<scalar>'",
        "this cannot stand here: quote a text that begins with '{{' or '['",
    ),
    (
        r"block collection, expected <block end>, but found '\?'",
        "the indentation does not fit: a key stands here at the '-' signs of the list that begins in line {line}:"
        " indent it as the keys behind a '-', or less than the list",
    ),
    (
        r"block mapping, expected <block end>, but found '-'",
        "the indentation does not fit: '-' stands here among the keys of the mapping that begins in line {line}",
    ),
    (
        r"expected <block end>, but found '<block (?:mapping|sequence) start>'",
        "the indentation does not fit: this line begins neither where those do that begin in line {line}, column"
        " {column}, nor where others above them do",
    ),
    (
        r"expected '<document start>', but found '<block",
        "the indentation does not fit: this line begins further left than the first one",
    ),
    (r"flow sequence, .*but got '<stream end>'", "the '[' in line {line}, column {column} has no ']'"),
    (r"flow mapping, .*but got '<stream end>'", "the '{{' in line {line}, column {column} has no '}}'"),
    (r"quoted scalar, found unexpected end of stream", "the quote in line {line}, column {column} has no end"),
    (r"could not find expected ':'", "a key needs a ':' after it: look at this line and the one above"),
    (r"expected a single document", "a second document begins here ('---'): a configuration is one document"),
)


def _syntax_problem(error: yaml.MarkedYAMLError, name: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    words = ", ".join(part for part in (error.context, error.problem) if part)
    for pattern, hint in _HINTS:
        if match := re.search(pattern, words):
            if words.startswith(("while scanning an a", "while scanning a tag")):
                mark = error.context_mark or mark  # the sign itself, not what follows it
            begin = _position(name, error.context_mark)  # of what the sign stands in
            return Problem(
                _position(name, mark), (), hint.format(*match.groups(), line=begin.line, column=begin.column)
            )
    # A ComposerError without a hint is one of `_Loader`, in our words.
    message = words if isinstance(error, yaml.composer.ComposerError) else f"not YAML: {words}"
    return Problem(_position(name, mark), (), message)


def _position(name: str, mark: Any) -> Position:
    return Position(name, mark.line + 1, mark.column + 1) if mark is not None else Position(name, 1, 1)


def _position_after(before: str, name: str) -> Position:
    lines = before.split("\n")
    return Position(name, len(lines), len(lines[-1]) + 1)
