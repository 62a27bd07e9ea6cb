"""What a type's JSON Schema says about values that are not yet of that type: known keys, paths and secrets.

pydantic tells where a value goes wrong, but not which keys there are instead, and it has no base folder for relative
paths. Its JSON Schema of a type knows both, through nested dataclasses, models, lists, mappings and unions, for our own
settings and for those of anybody's plugin.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from gitgate.config.problems import KeyPath, did_you_mean

_Schema: TypeAlias = Mapping[str, Any]

_PATH_FORMATS: Final = frozenset({"path", "file-path", "directory-path"})


class LenientJsonSchema(GenerateJsonSchema):
    """A JSON Schema of any type: what it cannot tell, such as a validator without words, is `{}`, which fits all."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's own declaration

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        """Nothing, in place of an error."""
        return {}


class SchemaGuide:
    """Looks at a value along the JSON Schema of the type that it is meant for."""

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        self._root: _Schema = adapter.json_schema(schema_generator=LenientJsonSchema)

    @property
    def keys(self) -> frozenset[str]:
        """The keys that the type knows at its top."""
        return frozenset(key for branch in self._branches(self._root) for key in branch.get("properties", ()))

    def unknown_keys(self, value: Any, also_known: frozenset[str]) -> Iterator[tuple[KeyPath, str]]:
        """Each key at any depth that the type does not know, and what to say. `also_known` may be meant at the top."""
        for keys, item, branches in self._walk(value, self._root):
            closed = branches and all("properties" in b and not b.get("additionalProperties") for b in branches)
            if isinstance(item, dict) and closed:
                known = {key for branch in branches for key in branch["properties"]}
                suggested = sorted(known if keys else known | also_known)
                for key in item:
                    if key not in known:
                        yield (*keys, key), "unknown key" + did_you_mean(key, suggested)

    def secrets(self, value: Any) -> Iterator[str]:
        """The texts in `value` that the type calls secret (`writeOnly`)."""
        for _, item, branches in self._walk(value, self._root):
            if isinstance(item, str) and any(branch.get("writeOnly") for branch in branches):
                yield item

    def with_absolute_paths(self, value: Any, base: Path) -> Any:
        """`value` with each path, also a path that is a default, joined to the folder `base`."""
        return with_replaced(value, self._joined_paths(value, self._root, base))

    def _joined_paths(self, value: Any, schema: _Schema, base: Path) -> Iterator[tuple[KeyPath, Any]]:
        for keys, item, branches in self._walk(value, schema):
            if isinstance(item, str):
                # As pydantic does it, the first member of a union that takes the text has it.
                meant = next((b for b in branches if _takes_text(item, b)), {})
                if meant.get("format") in _PATH_FORMATS:
                    yield keys, str(base / item)
            elif isinstance(item, dict) and len(branches) == 1:
                for key, member in branches[0].get("properties", {}).items():
                    default = member.get("default")
                    if key not in item and isinstance(default, str | list):
                        joined = list(self._joined_paths(default, member, base))
                        if joined:
                            yield (*keys, key), with_replaced(default, joined)

    def _walk(self, value: Any, schema: _Schema) -> Iterator[tuple[KeyPath, Any, list[_Schema]]]:
        """Every value inside `value` with its place and the alternatives that the schema has for it."""
        waiting: list[tuple[KeyPath, Any, _Schema]] = [((), value, schema)]
        while waiting:
            keys, item, its_schema = waiting.pop()
            branches = [b for b in self._branches(its_schema) if _may_be_meant(item, b)]
            yield keys, item, branches
            match item:
                case dict():
                    waiting += [((*keys, key), member, _member(branches, key)) for key, member in item.items()]
                case list():
                    waiting += [((*keys, i), member, _item(branches, i)) for i, member in enumerate(item)]

    def _branches(self, schema: _Schema) -> Iterator[_Schema]:
        """The schemas that stand behind references and unions."""
        if "$ref" in schema:
            yield from self._branches(self._root["$defs"][schema["$ref"].removeprefix("#/$defs/")])
            return
        alternatives = [one for union in ("anyOf", "oneOf", "allOf") for one in schema.get(union, ())]
        for alternative in alternatives:
            yield from self._branches(alternative)
        if not alternatives:
            yield schema


def with_replaced(value: Any, replacements: Iterable[tuple[KeyPath, Any]]) -> Any:
    """A copy of nested mappings and lists with other values at some places."""
    holder = {"": copy.deepcopy(value)}
    for keys, new in replacements:
        *outer, last = ("", *keys)
        inner: Any = holder
        for key in outer:
            inner = inner[key]
        inner[last] = new
    return holder[""]


def _may_be_meant(value: Any, schema: _Schema) -> bool:
    """The schema is for values of this kind, and has the value's tag where it is one of several with a tag."""
    if not isinstance(value, dict | list):
        return True
    kind = "object" if isinstance(value, dict) else "array"
    if schema.get("type", kind) != kind:
        return False
    tags = {key: member["const"] for key, member in schema.get("properties", {}).items() if "const" in member}
    return not any(key in value and value[key] != tag for key, tag in tags.items())


def _takes_text(text: str, schema: _Schema) -> bool:
    if "const" in schema or "enum" in schema:
        return text == schema.get("const") or text in schema.get("enum", ())
    return bool(schema.get("type") == "string")


def _member(branches: list[_Schema], key: str) -> _Schema:
    """The schema of one key of a mapping."""
    members = [b.get("properties", {}).get(key, b.get("additionalProperties")) for b in branches]
    members += [member for b in branches for member in b.get("patternProperties", {}).values()]
    return {"anyOf": [member for member in members if isinstance(member, Mapping)]}


def _item(branches: list[_Schema], index: int) -> _Schema:
    """The schema of one item of a list."""
    items = [b["prefixItems"][index] if index < len(b.get("prefixItems", ())) else b.get("items") for b in branches]
    return {"anyOf": [item for item in items if isinstance(item, Mapping)]}
