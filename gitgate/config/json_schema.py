"""The JSON Schema of `gitgate.yaml`, by which editors complete and check it.

It is made of the types that read the file, and of the settings of the plugins that are installed. It helps while
writing; what counts is `gitgate check`.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from gitgate.config.file_format import ConfigFile, ReservedKeys
from gitgate.config.installed_plugins import InstalledPlugin, installed_plugins
from gitgate.config.plugin_entries import PluginUnusable, implemented_hooks, import_plugin, settings_type_of
from gitgate.config.references import SIGNS
from gitgate.config.schema_guide import LenientJsonSchema

_REFERENCE: Final = "reference"
_SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})


def json_schema(installed: Mapping[str, InstalledPlugin] | None = None) -> dict[str, Any]:
    """The schema, in the dialect of 2020-12. Imports every plugin that is installed."""
    installed = installed_plugins() if installed is None else installed
    schema = _schema_of(ConfigFile, prefix="")
    definitions = schema.pop("$defs")
    entries = []
    for index, name in enumerate(installed):
        entry = _entry_schema(name, installed, prefix=f"plugin{index}.")
        definitions |= entry.pop("$defs", {})
        entries.append(entry)
    schema["properties"]["plugins"]["items"] = {"anyOf": entries} if entries else {"type": "object"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_for_editors(schema),
        "title": "gitgate.yaml",
        "$defs": {
            **{name: _for_editors(definition) for name, definition in definitions.items()},
            _REFERENCE: {
                "description": "A value that stands elsewhere, such as a secret.",
                "type": "object",
                "properties": {sign: {"type": "string"} for sign in SIGNS},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        },
    }


def _entry_schema(name: str, installed: Mapping[str, InstalledPlugin], prefix: str) -> dict[str, Any]:
    """An entry of `plugins` that uses this plugin; open to all keys where the plugin does not tell its own."""
    entry = _schema_of(ReservedKeys, prefix)
    entry["title"] = name
    entry["properties"]["use"] = {"const": name}
    entry["additionalProperties"] = True
    try:
        plugin_class = import_plugin(name, installed)
        settings_type = settings_type_of(plugin_class)
    except PluginUnusable as error:
        return {**entry, "description": str(error)}
    entry["properties"]["hooks"]["anyOf"][0]["items"] = {"enum": sorted(implemented_hooks(plugin_class))}
    try:
        settings = {"properties": {}} if settings_type is None else _schema_of(settings_type, prefix)
    except Exception as error:
        return {**entry, "description": f"The settings cannot be told: {type(error).__name__}: {error}"}
    if "properties" not in settings:
        return entry
    return {
        **entry,
        "description": settings.get("description", ""),
        "properties": {**entry["properties"], **settings["properties"]},
        "required": ["use", *settings.get("required", ())],
        "additionalProperties": bool(settings.get("additionalProperties", False)),
        "$defs": {**entry.get("$defs", {}), **settings.get("$defs", {})},
    }


def _schema_of(settings_type: type, prefix: str) -> dict[str, Any]:
    """The schema of one type, whose definitions are named with `prefix`: two plugins may both have a `Rule`."""
    schema = TypeAdapter(settings_type).json_schema(
        schema_generator=LenientJsonSchema, ref_template=f"#/$defs/{prefix}{{model}}"
    )
    definitions = {f"{prefix}{name}": definition for name, definition in schema.pop("$defs", {}).items()}
    if "$ref" in schema:  # a type that contains itself stands among the definitions
        schema = {**definitions[schema["$ref"].removeprefix("#/$defs/")]}
    return {**schema, "$defs": definitions}


def _for_editors(schema: Any) -> Any:
    """The schema with unknown keys refused, and with a reference allowed in place of each scalar.

    A constant stays: by it, an editor knows which plugin's keys to offer.
    """
    if not isinstance(schema, dict):
        return schema
    changed = dict(schema)
    for key in ("properties", "patternProperties"):
        if key in schema:
            changed[key] = {name: _for_editors(member) for name, member in schema[key].items()}
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if key in schema:
            changed[key] = [_for_editors(member) for member in schema[key]]
    for key in ("items", "additionalProperties"):
        if key in schema:
            changed[key] = _for_editors(schema[key])
    if "properties" in schema:
        changed.setdefault("additionalProperties", False)
    is_scalar = schema.get("type") in _SCALARS or "enum" in schema
    return {"anyOf": [changed, {"$ref": f"#/$defs/{_REFERENCE}"}]} if is_scalar and "const" not in schema else changed
