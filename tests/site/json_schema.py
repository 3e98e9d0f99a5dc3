"""A JSON Schema as rows of a table: what may stand where."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

UUID: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


class Attribute(NamedTuple):
    """An attribute: its place as `data.attributes.name`, whether it must be there, its values and meaning in words."""

    place: str
    required: bool
    values: str
    meaning: str


def attributes(schema: Json, definitions: Mapping[str, Json], within: str = "") -> Iterator[Attribute]:
    """Yield every attribute of an object in its order, those of an object inside of it in the place of that one."""
    schema = _resolved(schema, definitions)
    for name, it in schema.get("properties", {}).items():
        inner = _one_of_several(_resolved(it, definitions))
        items = _resolved(inner.get("items", {}), definitions)
        place = f"{within}{name}"
        meaning = it.get("description") or ("" if inner.get("properties") else inner.get("description", ""))
        if meaning or not inner.get("properties"):
            yield Attribute(
                place, name in schema.get("required", ()), values(it, definitions), meaning.split("\n\n")[0]
            )
        if inner.get("properties"):
            yield from attributes(inner, definitions, f"{place}.")
        elif items.get("properties"):
            yield from attributes(items, definitions, f"{place}[].")


def _one_of_several(schema: Json) -> Json:
    """Return an object that can have several shapes as one with the attributes of all, required where each has to."""
    shapes = [it for it in schema.get("oneOf", ()) if "properties" in it]
    if not shapes:
        return schema
    properties: Json = {}
    for shape in shapes:
        for name, it in shape["properties"].items():
            before = properties.get(name, it)
            items = [known["items"] for known in (before, it) if "items" in known]
            both = {"items": _one_of_several({"oneOf": items})} if before != it and len(items) > 1 else {}
            properties[name] = before | both
    required = [name for name in properties if all(name in it["required"] for it in shapes)]
    return {"type": "object", "properties": properties, "required": required}


def values(schema: Json, definitions: Mapping[str, Json]) -> str:
    """Say in a few words which values a schema allows."""
    schema = _resolved(schema, definitions)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{it}`" for it in schema["enum"])
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        return " or ".join(dict.fromkeys(values(it, definitions) for it in alternatives))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {values(schema.get('items', {}), definitions)}{_range(schema, 'minItems', 'maxItems')}"
    if schema.get("pattern") == UUID:
        return "UUID"
    if kind == "string" and "format" in schema:
        kind = schema["format"]
    bounds = _range(schema, "minLength", "maxLength", " characters") + _range(schema, "minimum", "maximum")
    pattern = f", `{schema['pattern']}`" if "pattern" in schema else ""
    return f"{kind}{bounds}{pattern}"


def _resolved(schema: Json, definitions: Mapping[str, Json]) -> Json:
    if "$ref" not in schema:
        return schema
    return definitions[schema["$ref"].rpartition("/")[2]] | {k: v for k, v in schema.items() if k != "$ref"}


def _range(schema: Json, least: str, most: str, of: str = "") -> str:
    low, high = schema.get(least), schema.get(most)
    if low is None and high is None:
        return ""
    if high is None:
        return f", at least {low}{of}"
    return f", at most {high}{of}" if low is None else f", {low} to {high}{of}"
