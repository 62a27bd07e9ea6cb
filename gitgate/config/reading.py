"""Values of the configuration into typed settings, with everything that is wrong told at once.

pydantic judges, in strict mode and as if the values came from JSON: no number is taken for a text or the other way
round, while a list may become a tuple or a set, and a text a path or an enum. Types are standard dataclasses or
pydantic models, our own and those of plugins alike.
"""

import json
import re
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from gitgate.config.problems import ConfigError, KeyPath, Position, Problem, did_you_mean
from gitgate.config.references import References
from gitgate.config.schema_guide import SchemaGuide, with_replaced
from gitgate.config.yaml_document import YamlDocument, plain_scalar

T = TypeVar("T")

_NO_KEYS: Final[frozenset[str]] = frozenset()

#: pydantic's error types in words of YAML. All others keep pydantic's own words.
_MESSAGES: Final = {
    "missing": "this key is required",
    "string_type": "must be a text",
    "path_type": "must be a path",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "none_required": "must be empty",
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "must be a list"),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "dataclass_type", "model_type"), "must be a mapping of keys to values"
    ),
}

#: A text that must be one of some; pydantic names them in quotes.
_CHOICES: Final = frozenset({"literal_error", "enum"})

_NOT_A_TEXT: Final = frozenset({"int_type", "float_type", "bool_type"})


class Reading:
    """One configuration while it is read. `base` is the folder where relative paths start."""

    def __init__(self, document: YamlDocument, base: Path, environ: Mapping[str, str]) -> None:
        self.base = base
        self._document = document
        self._problems = list(document.problems)
        self._references = References(base, environ, self.report)
        self.data = self._references.resolve(document.data)

    @property
    def referenced(self) -> Mapping[str, Mapping[str, str]]:
        """Each text that a reference brought in, with the reference as it is written."""
        return self._references.written

    def position(self, keys: KeyPath) -> Position:
        """Where the path stands in the file."""
        return self._document.position(keys)

    def report(self, keys: KeyPath, message: str) -> None:
        """Adds a problem, unless one is known of the same place. What a reference brought in is not repeated."""
        message = _without((text for place, text in self._references.texts.items() if _related(place, keys)), message)
        problem = Problem(self.position(keys), keys, message)
        if not any((known.keys, known.position) == (keys, problem.position) for known in self._problems):
            self._problems.append(problem)

    def raise_problems(self) -> None:
        """Raises `ConfigError` if anything was found, in the order of the file."""
        if self._problems:
            raise ConfigError(sorted(self._problems, key=_place))

    def read(
        self, settings_type: type[T], value: Any, keys: KeyPath, *, reserved: frozenset[str] = _NO_KEYS
    ) -> T | None:
        """`value`, which stands at `keys`, as an instance of `settings_type`; None where it is none, which is reported.

        `reserved` are keys that stand beside those of `value` in the file: a misspelled one is among `value`'s.
        """
        problems_before = len(self._problems)
        secrets: set[str] = set()
        settings: T | None = None
        try:
            adapter, guide = _adapter_and_guide(cast(Hashable, settings_type))
            secrets.update(guide.secrets(value))
            for clash in sorted(guide.keys & reserved):
                self.report(
                    keys,
                    f"the plugin's settings have a key {clash!r}, which is gitgate's own; its author must rename it",
                )
            for inner_keys, message in guide.unknown_keys(value, also_known=reserved):
                self.report((*keys, *inner_keys), message)
            settings = self._validate(adapter, guide.with_absolute_paths(value, self.base), keys)
        except ValidationError as failure:
            self._report_all(failure, value, keys, secrets)
        except Exception as error:
            # A type that pydantic cannot read, or code of the type itself that fails: its author's to mend.
            words = " ".join(f"{type(error).__name__}: {error}".split()).partition(" For further information")[0]
            words = _without(secrets, words)
            self.report(keys, f"the plugin's settings cannot be read: {words}")
        return settings if len(self._problems) == problems_before else None

    def _report_all(self, failure: ValidationError, value: Any, keys: KeyPath, secrets: set[str]) -> None:
        messages: dict[KeyPath, list[str]] = {}
        for error in failure.errors(include_url=False):
            messages.setdefault((*keys, *_blamed_keys(error, value)), []).append(_message(error, secrets))
        for place, words in messages.items():
            # Where a reference failed, which is told already, an empty text stands; what comes of it is not told.
            if not any(_related(place, failed) for failed in self._references.failed):
                self.report(place, ", or ".join(dict.fromkeys(words)))

    def _validate(self, adapter: TypeAdapter[T], value: Any, keys: KeyPath) -> T:
        """Strictly; but what a reference brought in is always a text, and is read as a number where one is wanted."""
        try:
            return adapter.validate_json(json.dumps(value), strict=True)
        except ValidationError as failure:
            places = [error["loc"] for error in failure.errors(include_url=False) if error["type"] in _NOT_A_TEXT]
            brought_in = [(place, self._references.texts.get((*keys, *place))) for place in places]
            numbers = [(place, plain_scalar(text)) for place, text in brought_in if text is not None]
            if not numbers:
                raise
        return adapter.validate_json(json.dumps(with_replaced(value, numbers)), strict=True)


@lru_cache
def _adapter_and_guide(settings_type: Hashable) -> tuple[TypeAdapter[Any], SchemaGuide]:
    """pydantic's view of a type. It takes milliseconds to build, and a file may have many listeners."""
    adapter: TypeAdapter[Any] = TypeAdapter(cast(type, settings_type))
    return adapter, SchemaGuide(adapter)


def _place(problem: Problem) -> tuple[int, int]:
    assert problem.position is not None
    return problem.position.line, problem.position.column


def _related(one: KeyPath, other: KeyPath) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))


def _blamed_keys(error: Any, value: Any) -> KeyPath:
    """Where in `value` pydantic's error stands: names of a union's members and "[key]" are no keys of the file."""
    keys: list[str | int] = []
    for part in error["loc"]:
        if isinstance(value, dict) and str(part) in value:
            keys.append(str(part))
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            keys.append(part)
            value = value[part]
    if error["type"] == "missing":
        keys.append(error["loc"][-1])
    if named := getattr(_cause(error), "key", None):  # a SettingsError says it
        keys.append(named)
    return tuple(keys)


def _message(error: Any, secrets: set[str]) -> str:
    """What to say of pydantic's error; never the value itself, which the position shows."""
    cause = _cause(error)
    message = str(cause or "") or _MESSAGES.get(error["type"]) or _in_our_words(error["msg"])
    if error["type"] not in _MESSAGES:
        # The words of a plugin, or of a library, may repeat the value that they are about.
        message = _without(secrets, message)
    if error["type"] == "string_type" and isinstance(error["input"], int | float):
        message += "; quote it"
    if error["type"] in _CHOICES and isinstance(error["input"], str):
        message += did_you_mean(error["input"], re.findall("'([^']+)'", error["ctx"]["expected"]))
    if error["input"] is None and error["type"] != "missing":
        message = f"has no value; {message}"
    return message


def _cause(error: Any) -> Exception | None:
    """What a validator raised, where one did."""
    cause = error.get("ctx", {}).get("error")
    return cause if isinstance(cause, Exception) else None


def _without(secrets: Iterable[str], message: str) -> str:
    for secret in secrets:
        message = message.replace(secret, "***") if secret else message
    return message


def _in_our_words(message: str) -> str:
    return message.removeprefix("Input ").replace("should be", "must be", 1)
