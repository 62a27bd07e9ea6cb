"""Whatever stands in a file, the answer is a configuration or a `ConfigError`."""

import json
import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitgate.config import ConfigError, Problem, load, load_text
from gitgate.config.file_format import RESERVED_KEYS, TOP_KEYS

_PIECES = (
    *TOP_KEYS,
    *RESERVED_KEYS,
    *("url", "tls", "$env", "$file", "$credential", "<<", "X", "ssh://0.0.0.0:22", "http+unix:///x", "30s", "1", "~"),
    *("&a ", "*a", "*.git", "@team", "!x", "!!int ", "%", "`", "|", ">-", "'", '"', "\\U99999999", "\\ud800", "\0"),
    *(
        ": ",
        ", ",
        "[",
        "]",
        "{",
        "}",
        "- ",
        "\n",
        "\n  ",
        "\n    - ",
        "\t",
        "#",
        "---\n",
        "...\n",
        "?",
        "\ufeff",
        "\x85",
    ),
)


def _problems(text: str) -> tuple[Problem, ...]:
    try:
        load_text(text, base=Path("/nonexistent"), environ={"X": "1"}, installed={})
    except ConfigError as error:
        return error.problems
    return ()


@settings(deadline=None)
@given(st.lists(st.sampled_from(_PIECES) | st.text(string.printable, max_size=3), max_size=40).map("".join))
@example("[" * 1500)
@example("? " * 1500)
@example('version: "\\UFFFFFFFF"')
@example("%YAML 1." + "9" * 5000 + "\n---\n")
@example("&a [*a]")
@example("version: 1\n" + "\n".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}' if n else 'lol'] * 9)}]" for n in range(9)))
def test_no_text_makes_loading_raise_anything_but_a_config_error(text: str) -> None:
    for problem in _problems(text):
        assert str(problem).isprintable()
        assert re.match(r"gitgate\.yaml:[1-9]\d*:[1-9]\d*: ", str(problem))


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(_PIECES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_PIECES), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.fixed_dictionaries({"version": st.just(1)}, optional=dict.fromkeys(TOP_KEYS[1:], _values)))
def test_no_values_make_loading_raise_anything_but_a_config_error(values: dict[str, Any]) -> None:
    assert _problems(json.dumps(values))  # none of these holds a whole configuration


@pytest.mark.parametrize("content", [b"\xff\xfe", b"version: 1\n# caf\xe9\n"])
def test_a_file_that_is_not_utf_8_is_refused_at_the_first_wrong_byte(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "gitgate.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path, {}, {})
    line, column = content.decode("latin-1").count("\n"), (6 if b"caf" in content else 1)
    assert str(caught.value) == f"{path}:{max(line, 1)}:{column}: the file is not UTF-8"


def test_a_file_that_is_not_there_is_a_problem_without_a_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "gitgate.yaml", {}, {})
    assert str(caught.value) == f"{tmp_path}/gitgate.yaml: cannot be read: No such file or directory"


def test_messages_name_the_file_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.yaml").write_text("")
    with pytest.raises(ConfigError) as caught:
        load(Path("my.yaml"), {}, {})
    assert str(caught.value) == "my.yaml:1:1: the file is empty"


def test_a_file_without_end_is_no_configuration() -> None:
    """`-c /dev/zero` took all of the memory."""
    with pytest.raises(ConfigError, match="/dev/zero: is longer than any configuration"):
        load(Path("/dev/zero"))
