"""The types in which a plugin may write its settings, and how their values are read."""

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gitgate.config import ConfigError, load_text
from gitgate.plugin import Duration, Secret, Size, hookimpl


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    file: Path
    others: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ByFile:
    kind: Literal["file"]
    place: Path


@dataclass(frozen=True)
class ByName:
    kind: Literal["name"]
    place: str


class Model(BaseModel):
    ca_file: Path = Path("ca.pem")
    token: SecretStr | None = None
    renamed: int = Field(default=1, alias="re-named")


class OpenModel(BaseModel):
    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    text: str = "x"
    number: int = 1
    ratio: float = 0.5
    flag: bool = False
    path: Path | None = None
    path_with_default: Path = Path("default.txt")
    paths_with_default: tuple[Path, ...] = (Path("a"), Path("/b"))
    paths: list[Path] = field(default_factory=list)
    paths_by_name: Mapping[str, Path] = field(default_factory=dict)
    path_or_word: Literal["system"] | Path = "system"
    path_or_text: Path | str = "x"
    text_or_path: str | Path = "x"
    pair: tuple[str, Path] | None = None
    words: frozenset[str] = frozenset()
    set_of_words: AbstractSet[str] = frozenset()
    sequence: Sequence[int] = ()
    colour: Colour = Colour.RED
    colours: Mapping[Colour, int] = field(default_factory=dict)
    by_number: Mapping[int, str] = field(default_factory=dict)
    literal: Literal["a", "b"] = "a"
    duration: Duration | None = None
    size: Size | None = None
    secret: Secret | None = None
    secrets: tuple[Secret, ...] = ()
    pattern: re.Pattern[str] | None = None
    network: IPv4Network | None = None
    inner: Inner | None = None
    inners: Mapping[str, tuple[Inner, ...]] = field(default_factory=dict)
    either: ByFile | ByName | None = None
    model: Model | None = None
    open_model: OpenModel | None = None


class EverythingPlugin:
    settings_type = Everything

    @hookimpl
    def started(self) -> None: ...


class ModelPlugin:
    settings_type = Model

    @hookimpl
    def started(self) -> None: ...


@pytest.fixture
def read(load: Callable[..., Any], with_entry: Callable[[str], str]) -> Callable[[str], Everything]:
    def read(keys: str) -> Everything:
        settings = load(with_entry(f"use: everything\n{keys}"), everything=EverythingPlugin).plugins[0].settings
        assert isinstance(settings, Everything)
        return settings

    return read


@pytest.fixture
def wrong(problems_of: Callable[..., list[str]], with_entry: Callable[[str], str]) -> Callable[[str], list[str]]:
    def wrong(keys: str) -> list[str]:
        lines = problems_of(with_entry(f"use: everything\n{keys}"), everything=EverythingPlugin)
        return [line.replace(" plugins[0].", " ") for line in lines]

    return wrong


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("ratio: 2", "ratio", 2.0),
        ("words: [a, b, a]", "words", frozenset({"a", "b"})),
        ("set_of_words: [a]", "set_of_words", frozenset({"a"})),
        ("sequence: [1, 2]", "sequence", [1, 2]),
        ("colour: blue", "colour", Colour.BLUE),
        ("colours: {blue: 1}", "colours", {Colour.BLUE: 1}),
        ("by_number: {8: a}", "by_number", {8: "a"}),
        ("literal: b", "literal", "b"),
        ("duration: 1h", "duration", Duration(3600)),
        ("size: 5GiB", "size", Size(5 * 2**30)),
        ("secret: s3cret", "secret", Secret("s3cret")),
        ("secrets: [a, '5']", "secrets", (Secret("a"), Secret("5"))),
        ("pattern: a.*", "pattern", re.compile("a.*")),
        ("network: 10.0.0.0/8", "network", IPv4Network("10.0.0.0/8")),
        ("path:", "path", None),
        ("path_or_word: system", "path_or_word", "system"),
        ("text_or_path: a/b", "text_or_path", "a/b"),
        ("open_model: {anything: [1]}", "open_model", OpenModel.model_validate({"anything": [1]})),
    ],
)
def test_values_become_what_the_type_says(
    read: Callable[[str], Everything], written: str, name: str, value: Any
) -> None:
    got = getattr(read(written), name)
    assert (got, type(got)) == (value, type(value))


def test_paths_arrive_absolute_wherever_they_stand(tmp_path: Path, read: Callable[[str], Everything]) -> None:
    got = read(
        """path: a
paths: [b, ../c, /d]
paths_by_name: {x: e}
path_or_word: f
path_or_text: t
pair: [g, h]
inner: {file: i, others: [j]}
inners: {y: [{file: k}]}
either: {kind: file, place: l}
model: {}
"""
    )
    here = tmp_path
    assert got == Everything(
        path=here / "a",
        path_with_default=here / "default.txt",
        paths_with_default=(here / "a", Path("/b")),
        paths=[here / "b", here / "../c", Path("/d")],
        paths_by_name={"x": here / "e"},
        path_or_word=here / "f",
        path_or_text=here / "t",
        pair=("g", here / "h"),
        inner=Inner(here / "i", (here / "j",)),
        inners={"y": (Inner(here / "k"),)},
        either=ByFile("file", here / "l"),
        model=Model(ca_file=here / "ca.pem"),
    )


def test_a_text_that_is_no_path_is_left_alone(read: Callable[[str], Everything]) -> None:
    assert read("either: {kind: name, place: l}").either == ByName("name", "l")


def test_a_settings_type_may_be_a_pydantic_model(
    tmp_path: Path, load: Callable[..., Any], with_entry: Callable[[str], str]
) -> None:
    entry = with_entry("use: model\nre-named: 5\nca_file: x\ntoken: s3cret")
    assert load(entry, model=ModelPlugin).plugins[0].settings == Model.model_validate(
        {"re-named": 5, "ca_file": tmp_path / "x", "token": "s3cret"}
    )


@pytest.mark.parametrize(
    ("keys", "problems"),
    [
        ("text: 5", ["5:5: text: must be a text; quote it"]),
        ("text: true", ["5:5: text: must be a text; quote it"]),
        ("text: [a]", ["5:5: text: must be a text"]),
        ("text:", ["5:5: text: has no value; must be a text"]),
        ("number: '5'", ["5:5: number: must be a whole number"]),
        ("number: 1.5", ["5:5: number: must be a whole number"]),
        ("number: true", ["5:5: number: must be a whole number"]),
        ("number: 0755", ["5:5: number: must be a whole number"]),
        ("ratio: x", ["5:5: ratio: must be a number"]),
        ("flag: no", ["5:5: flag: must be true or false"]),
        ("flag: 1", ["5:5: flag: must be true or false"]),
        ("words: abc", ["5:5: words: must be a list"]),
        ("words: {a: 1}", ["5:5: words: must be a list"]),
        ("paths: a", ["5:5: paths: must be a list"]),
        ("colour: green", ["5:5: colour: must be 'red' or 'blue'"]),
        ("colours: {green: 1}", ["5:15: colours.green: must be 'red' or 'blue'"]),
        ("literal: c", ["5:5: literal: must be 'a' or 'b'"]),
        ("colour: bleu", ["5:5: colour: must be 'red' or 'blue'; did you mean 'blue'?"]),
        (
            "secret: 5",
            ["5:5: secret: write a secret as a quoted text, or as {$env: X}, {$file: path} or {$credential: name}"],
        ),
        ("size: 5", ["5:5: size: write a size with its unit, such as 512B, 64KiB, 10MiB or 5GiB"]),
        ("inner: x", ["5:5: inner: must be a mapping of keys to values"]),
        ("inner: {}", ["5:5: inner.file: this key is required"]),
        ("inner: {file: x, otters: []}", ["5:22: inner.otters: unknown key; did you mean 'others'?"]),
        (
            "inners: {y: [{file: k}, {fle: k}]}",
            [
                "5:29: inners.y[1].file: this key is required",
                "5:30: inners.y[1].fle: unknown key; did you mean 'file'?",
            ],
        ),
        ("either: {kind: file, place: x, palce: y}", ["5:36: either.palce: unknown key; did you mean 'place'?"]),
        ("model: {ca_fle: x}", ["5:13: model.ca_fle: unknown key; did you mean 'ca_file'?"]),
        ("model: {renamed: 5}", ["5:13: model.renamed: unknown key; did you mean 're-named'?"]),
        (
            "txt: 5\nnumer: 5",
            ["5:5: txt: unknown key; did you mean 'text'?", "6:5: numer: unknown key; did you mean 'number'?"],
        ),
        ("pattern: (", ["5:5: pattern: must be a valid regular expression"]),
    ],
)
def test_what_does_not_fit_is_told_with_its_key(
    wrong: Callable[[str], list[str]], keys: str, problems: list[str]
) -> None:
    assert wrong(keys) == problems


def test_a_secret_that_stands_in_the_file_is_not_repeated_by_a_plugins_words(
    problems_of: Callable[..., list[str]], with_entry: Callable[[str], str]
) -> None:
    """A settings type says which value it refuses. The message goes to a terminal, a log and a bug report."""

    @dataclass
    class Settings:
        password: Secret
        pin: SecretStr

        def __post_init__(self) -> None:
            raise ValueError(f"{self.password.reveal()}, {self.pin.get_secret_value()} are too weak")

    class Plugin:
        settings_type = Settings

        @hookimpl
        def started(self) -> None: ...

    entry = with_entry("use: weak\npassword: hunter2\npin: '1234'")
    assert problems_of(entry, weak=Plugin) == ["4:5: plugins[0]: ***, *** are too weak"]


_NAMES = [*Everything.__dataclass_fields__, "file", "others", "kind", "place", "ca_file", "x", "$env"]
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "red", "5s", "1B", "(", "file"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_NAMES), _values, max_size=6))
def test_no_values_make_reading_settings_raise_anything_but_a_config_error(values: dict[str, Any]) -> None:
    class Found:
        value = "x:X"

        def load(self) -> type:
            return EverythingPlugin

    file = {"version": 1, "listen": [{"url": "git://127.0.0.1"}], "plugins": [{"use": "everything", **values}]}
    try:
        load_text(yaml.safe_dump(file), base=Path("/base"), environ={}, installed={"everything": Found()})
    except ConfigError:
        pass
