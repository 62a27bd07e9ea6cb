"""What YAML says, and what is said about YAML that cannot be read."""

from typing import Any

import pytest

from gitgate.config import ConfigError
from gitgate.config.yaml_document import YamlDocument


def _problems(text: str) -> list[str]:
    try:
        problems = YamlDocument(text, "f").problems
    except ConfigError as error:
        problems = list(error.problems)
    return [str(problem).removeprefix("f:") for problem in problems]


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("22", 22),
        ("-5", -5),
        ("1.5", 1.5),
        ("1.0e3", 1000.0),
        ("true", True),
        ("false", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('"22"', "22"),
        ("'true'", "true"),
        ("! 22", 22),
        # What YAML 1.1 reads as something else.
        ("no", "no"),
        ("On", "On"),
        ("True", "True"),
        ("0755", "0755"),
        ("0o755", "0o755"),
        ("0x1F", "0x1F"),
        ("0b11", "0b11"),
        ("22:22", "22:22"),
        ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("1.0e999", "1.0e999"),
        ("9" * 19, "9" * 19),
        ("=", "="),
    ],
)
def test_a_scalar_means_what_it_looks_like(written: str, means: object) -> None:
    read = YamlDocument(f"a: {written}\n", "f").data
    assert (read, type(read["a"])) == ({"a": means}, type(means))


def test_keys_are_texts_as_they_are_written() -> None:
    assert YamlDocument("{8: a, true: b, ~: c, 0755: d}", "f").data == {"8": "a", "true": "b", "~": "c", "0755": "d"}


def test_anchors_and_aliases_are_read() -> None:
    assert YamlDocument("a: &x [1, {b: 2}]\nc: *x\n", "f").data == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}


def test_positions_are_those_of_keys_and_of_items() -> None:
    document = YamlDocument("a: 1\nb:\n  - c: 2\n    d: [x, y]\n", "f")
    paths: list[Any] = [
        (),
        ("a",),
        ("b", 0),
        ("b", 0, "d"),
        ("b", 0, "d", 1),
        ("b", 0, "missing"),
        ("b", 7),
        ("a", "x"),
    ]
    assert [str(document.position(keys)) for keys in paths] == [
        "f:1:1",
        "f:1:1",
        "f:3:5",
        "f:4:5",
        "f:4:12",
        "f:3:5",
        "f:2:1",
        "f:1:1",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the file is empty"),
        ("# nothing\n", "1:1: the file is empty"),
        ("a: @team\n", "1:4: a text that begins with '@' must be quoted"),
        ("a: `x`\n", "1:4: a text that begins with '`' must be quoted"),
        ("a: %x\n", "1:4: a text that begins with '%' must be quoted"),
        ("a: *.git\n", "1:4: '*' begins an alias: quote a text that begins with '*'"),
        ("- **\n", "1:3: '*' begins an alias: quote a text that begins with '*'"),
        (
            "a: *all\n",
            "1:4: '*' begins an alias, and there is no such anchor: quote a text that begins with '*'",
        ),
        ("a: &(x)\n", "1:4: '&' begins an anchor: quote a text that begins with '&'"),
        ("a: !secret x\n", "1:4: '!' begins a tag, and tags are not read: quote a text that begins with '!'"),
        ("a: !!int '5'\n", "1:4: '!' begins a tag, and tags are not read: quote a text that begins with '!'"),
        (
            "a: !!python/name:os.system\n",
            "1:4: '!' begins a tag, and tags are not read: quote a text that begins with '!'",
        ),
        ("a: !x!y z\n", "1:4: '!' begins a tag: quote a text that begins with '!'"),
        ("a:\n\tb: 1\n", "2:1: a tab cannot indent: use spaces"),
        (
            "a: b: c\n",
            "1:5: a key cannot stand here: look at the indentation, and quote a text with ': ' in it",
        ),
        ("a: [users/{user}/x]\n", "1:11: '{' begins a mapping: between [ ] or { }, quote a text with '{' in it"),
        ("a: {b: x{user}}\n", "1:9: '{' begins a mapping: between [ ] or { }, quote a text with '{' in it"),
        ("a:\n- {user}/x\n", "2:9: this cannot stand here: quote a text that begins with '{' or '['"),
        ("a: 1\nb\nc: 2\n", "3:1: a key needs a ':' after it: look at this line and the one above"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document begins here ('---'): a configuration is one document"),
        ("a: [1\n", "2:1: the '[' in line 1, column 4 has no ']'"),
        ("a: {b: 1\n", "2:1: the '{' in line 1, column 4 has no '}'"),
        ("a: 'x\n", "2:1: the quote in line 1, column 4 has no end"),
        (
            "a:\n  - x: 1\n  y: 2\n",
            "3:3: the indentation does not fit: a key stands here at the '-' signs of the list that begins in line 2:"
            " indent it as the keys behind a '-', or less than the list",
        ),
        (
            "a: 1\n- b\n",
            "2:1: the indentation does not fit: '-' stands here among the keys of the mapping that begins in line 1",
        ),
        *(
            (
                text,
                "3:2: the indentation does not fit: this line begins neither where those do that begin in"
                f" line {place}, nor where others above them do",
            )
            for text, place in {
                "a:\n  b: 1\n c: 2\n": "1, column 1",
                "a:\n  - {b: 1}\n - {c: 2}\n": "1, column 1",
            }.items()
        ),
        ("  a: 1\nb: 2\n", "2:1: the indentation does not fit: this line begins further left than the first one"),
        ("a: b\0c\n", "1:5: the character U+0000 cannot stand in YAML; in double quotes, write it as an escape"),
        ('a: "\\U99999999"\n', "1:7: not YAML: a number or an escape is out of range"),
        ('a: "\\ud800"\n', "1:4: a: half of a surrogate pair is not a character: write \\U and eight digits"),
        ("? [a]\n: 1\n", "1:3: a key must be a text: quote it"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "2:5: c: merge keys ('<<') are not read: write the keys out"),
    ],
)
def test_yaml_that_is_not_read_is_told_with_what_helps(text: str, problem: str) -> None:
    assert _problems(text) == [problem]


def test_every_key_that_is_written_twice_is_told() -> None:
    text = "a: 1\nb: {c: 1, d: 2, c: 3}\na: 2\na: 3\n"
    assert _problems(text) == [
        "2:17: b.c: this key is written twice; first in line 2",
        "3:1: a: this key is written twice; first in line 1",
        "4:1: a: this key is written twice; first in line 1",
    ]


def test_a_billion_laughs_are_not_written_out() -> None:
    """Nine lines, each an alias nine times of the line before, stand for 9**9 values: gigabytes."""
    lines = ["a0: &a0 [lol, lol, lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]
    assert _problems("\n".join(lines)) == [
        "1:15: a5[2][5][1][1][3][1]: with aliases written out, there are over 100000 values"
    ]


def test_an_anchor_that_holds_itself_has_no_value() -> None:
    assert _problems("a: &x [1, *x]\n") == ["1:4: a[1]: an alias stands inside its own anchor"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_ends_before_the_interpreter_does(opening: str) -> None:
    """A thousand opening brackets would end PyYAML with a RecursionError, which names no line."""
    assert [p.split(": ", 1)[1] for p in _problems(opening * 300)] == ["nested too deeply"]


def test_a_key_cannot_speak_to_the_terminal() -> None:
    """A pasted key holds an escape sequence, which would reach the terminal with the message that quotes it."""
    assert _problems('"\\e[2Jx": 1\n"\\e[2Jx": 2\n') == [
        '2:1: ["\\x1b[2Jx"]: this key is written twice; first in line 1'
    ]
