"""Types for a plugin's settings, beyond those of the standard library.

gitgate builds a plugin's `settings_type` from the keys that stand in its entry of the configuration. Besides str, int,
bool, Path (which arrives absolute), enums, literals, lists, mappings and nested dataclasses, these can be used.

The two `__get_pydantic_...` methods are the protocol by which a type tells pydantic how to read it (pydantic: "Types",
section "Customizing validation with `__get_pydantic_core_schema__`"). They return plain dictionaries, so neither this
module nor a plugin needs pydantic.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self


class SettingsError(ValueError):
    """A plugin's settings cannot work. Raise it in the plugin's `__init__`, with the words for the operator.

    `key` names the setting to blame, as it is written in the configuration.
    """

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class _Scalar:
    """Reads itself from one scalar of the configuration."""

    _json_schema: ClassVar[dict[str, Any]]

    @classmethod
    def parse(cls, value: object) -> Self:
        raise NotImplementedError

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, Any]:
        return {
            "type": "function-plain",
            "function": {"type": "no-info", "function": cls.parse},
            "serialization": {"type": "function-plain", "function": str},
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        return dict(cls._json_schema)


_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(_Scalar, float):
    """A length of time in seconds, written as `500ms`, `30s`, `5m`, `1h` or `2d`."""

    _json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^[0-9]{1,15}(\.[0-9]{1,15})?(ms|s|m|h|d)$"}

    @classmethod
    def parse(cls, value: object) -> Self:
        """The duration that `value` writes. Raises ValueError where it is none."""
        if isinstance(value, Duration):
            return cls(value)
        match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(ms|s|m|h|d)", value) if isinstance(value, str) else None
        if match is None:
            raise ValueError("write a duration with its unit, such as 500ms, 30s, 5m, 1h or 2d")
        return cls(float(match[1]) * _SECONDS[match[2]])

    def __str__(self) -> str:
        return _with_largest_unit(self, _SECONDS)


_BYTES: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class Size(_Scalar, int):
    """A number of bytes, written as `512B`, `64KiB`, `10MiB` or `5GiB`."""

    _json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^[0-9]{1,15}(B|KiB|MiB|GiB|TiB)$"}

    @classmethod
    def parse(cls, value: object) -> Self:
        """The size that `value` writes. Raises ValueError where it is none."""
        if isinstance(value, Size):
            return cls(value)
        match = re.fullmatch(r"([0-9]{1,15})(B|KiB|MiB|GiB|TiB)", value) if isinstance(value, str) else None
        if match is None:
            raise ValueError("write a size with its unit, such as 512B, 64KiB, 10MiB or 5GiB")
        return cls(int(match[1]) * _BYTES[match[2]])

    def __str__(self) -> str:
        return _with_largest_unit(int(self), _BYTES)


def _with_largest_unit(amount: float, units: Mapping[str, float]) -> str:
    """The amount as it would be written: a whole number of the largest unit that gives one, else of the smallest."""
    for unit, size in sorted(units.items(), key=lambda item: -item[1]):
        if amount >= size and amount % size == 0:
            return f"{int(amount // size)}{unit}"
    smallest, size = next(iter(units.items()))
    return f"{amount / size:.6f}".rstrip("0").rstrip(".") + smallest


class Secret(_Scalar):
    """A text that never shows: not in a repr, a log, an error or `gitgate config show`. `reveal()` gives it out."""

    _json_schema: ClassVar[dict[str, Any]] = {"type": "string", "writeOnly": True}

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def parse(cls, value: object) -> Self:
        """The secret that `value` holds. Raises ValueError where it is not a text."""
        if isinstance(value, Secret):
            return cls(value.reveal())
        if not isinstance(value, str):
            raise ValueError("write a secret as a quoted text, or as {$env: X}, {$file: path} or {$credential: name}")
        return cls(value)

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)
