"""`gitgate config schema`: what editors know about the file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gitgate.config import schema
from gitgate.plugin import Duration, Secret, hookimpl


@dataclass
class _Rule:
    who: tuple[str, ...]
    inner: "_Rule | None" = None


@dataclass
class _Settings:
    """Rules, in order."""

    rules: tuple[_Rule, ...]
    file: Path | None = None
    password: Secret | None = None
    flag: bool = False
    verb: Literal["read", "write"] = "read"


class _Plugin:
    settings_type = _Settings

    @hookimpl
    def authenticate(self) -> None: ...


class _OtherPlugin:
    settings_type = _Rule

    @hookimpl
    def authorize(self) -> None: ...


class _Found:
    value = "x:X"

    def __init__(self, found: object) -> None:
        self._found = found

    def load(self) -> object:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


_INSTALLED = {"rules": _Found(_Plugin), "other": _Found(_OtherPlugin), "broken": _Found(ImportError("no ldap3"))}


def _entry(name: str) -> dict[str, Any]:
    for entry in schema(_INSTALLED)["properties"]["plugins"]["items"]["anyOf"]:
        if entry["properties"]["use"] == {"const": name}:
            return dict(entry)
    raise AssertionError(name)


def _all_mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _all_mappings(inner)


def test_the_schema_knows_the_top_of_the_file() -> None:
    top = schema(_INSTALLED)
    assert top["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(top["properties"]) == ["version", "listen", "plugins", "public_urls", "limits", "log", "audit", "git"]
    assert (top["required"], top["additionalProperties"]) == (["version", "listen", "plugins"], False)
    assert top["properties"]["version"]["const"] == 1


def test_an_entry_has_the_reserved_keys_and_those_of_its_plugin() -> None:
    entry = _entry("rules")
    reserved = ["use", "name", "deadline", "on_error", "hooks"]
    assert list(entry["properties"]) == [*reserved, "rules", "file", "password", "flag", "verb"]
    assert (entry["required"], entry["additionalProperties"], entry["description"]) == (
        ["use", "rules"],
        False,
        "Rules, in order.",
    )
    assert {"enum": ["authenticate"]} in list(_all_mappings(entry["properties"]["hooks"]))


def test_a_plugin_that_cannot_be_imported_is_open_to_all_keys() -> None:
    entry = _entry("broken")
    assert (entry["additionalProperties"], entry["required"]) == (True, ["use"])
    assert entry["description"] == "the plugin cannot be imported: ImportError: no ldap3"


def test_a_reference_may_stand_in_place_of_each_scalar() -> None:
    properties = _entry("rules")["properties"]
    reference = {"$ref": "#/$defs/reference"}
    assert all(reference in list(_all_mappings(properties[key])) for key in ("file", "password", "flag", "verb"))
    assert schema(_INSTALLED)["$defs"]["reference"]["properties"].keys() == {"$env", "$file", "$credential"}


def test_defaults_are_written_as_in_the_file() -> None:
    limits = schema(_INSTALLED)["$defs"]["Limits"]["properties"]
    defaults = [inner["default"] for inner in _all_mappings(limits) if "default" in inner]
    durations = [str(Duration(30)), "10m", 100, 50, 50, 25, 20, 10, "10s", 1000, "2m", "1d"]
    http = [1000, 100, "16KiB", "10MiB"]
    sources = ["100:30:200", 100, "32:64", ["127.0.0.0/8", "::1/128"]]
    assert defaults == [*durations, *http, *sources, 6, 10, "15s", 3, "1GiB", "1h"]


def test_two_plugins_may_have_settings_of_the_same_name_and_every_reference_leads_somewhere() -> None:
    whole = schema(_INSTALLED)
    references = {inner["$ref"] for inner in _all_mappings(whole) if "$ref" in inner}
    assert {"#/$defs/plugin0._Rule", "#/$defs/plugin1._Rule"} <= references
    assert {reference.removeprefix("#/$defs/") for reference in references} <= whole["$defs"].keys()


def test_the_schema_is_json() -> None:
    assert json.loads(json.dumps(schema(_INSTALLED))) == schema(_INSTALLED)


def test_without_plugins_there_is_a_schema_still() -> None:
    assert schema({})["properties"]["plugins"]["items"] == {"type": "object"}


def test_the_schema_can_be_asked_for_twice() -> None:
    """A module of the same name in the package would take the place of the function once it is imported."""
    assert schema({}) == schema({})
