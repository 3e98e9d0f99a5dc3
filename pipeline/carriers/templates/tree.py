"""A template of mappings, lists and texts, and what is left of it for one shape of messages.

`{$case: encoding, gsm7: ..., ucs2: ...}` is one of its branches; a branch that is not there is left out. A text whose
placeholder has no value is left out with its key, and so is a mapping or list that nothing is left of.
`{$json: "true"}` is a JSON value that is not a text; a plain null is null.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from pipeline.carriers.templates.placeholders import BadTemplate, Leaf, Parts, Placeholder, Scope, parse, resolve
from pipeline.carriers.templates.variables import Kind

MAX_NODES: Final = 2000


class Literal(NamedTuple):
    """A JSON value as it was written."""

    value: Any


class Case(NamedTuple):
    """Branches by what `about` is for a message."""

    about: str
    branches: Mapping[str, "Node"]


class Branches(NamedTuple):
    """A mapping."""

    items: tuple[tuple[str, "Node"], ...]


class Items(NamedTuple):
    """A list."""

    items: tuple["Node", ...]


Node = Parts | Literal | Case | Branches | Items

Tree = Leaf | Literal | dict[str, "Tree"] | list["Tree"]
"""What is left for one shape."""


class Names(NamedTuple):
    """What a template may speak of: variables and parameters with their kinds, and what `$case` can ask."""

    kinds: Mapping[str, Kind]
    cases: Mapping[str, tuple[str, ...]]


def parse_tree(raw: object, names: Names, path: tuple[str | int, ...] = ()) -> Node:
    """Parse what stands in a profile. Raises `BadTemplate` with the path to the place."""
    if raw is None:
        return Literal(None)
    if isinstance(raw, str):
        try:
            return parse(raw, names.kinds)
        except BadTemplate as error:
            raise BadTemplate(error.reason, path) from None
    if isinstance(raw, list):
        return Items(tuple(parse_tree(it, names, (*path, index)) for index, it in enumerate(raw)))
    if not isinstance(raw, dict):
        raise BadTemplate("must be a text, a list or a mapping", path)
    if "$case" in raw:
        return _case(raw, names, path)
    if "$json" in raw:
        return _json(raw, path)
    unknown = next((key for key in raw if key.startswith("$")), None)
    if unknown is not None:
        raise BadTemplate(f"there is no {unknown}: only $case and $json", (*path, unknown))
    return Branches(tuple((key, parse_tree(it, names, (*path, key))) for key, it in raw.items()))


def _case(raw: Mapping[str, object], names: Names, path: tuple[str | int, ...]) -> Case:
    about = raw["$case"]
    if not isinstance(about, str) or about not in names.cases:
        raise BadTemplate(f"$case asks about one of {', '.join(sorted(names.cases))}", (*path, "$case"))
    branches: dict[str, Node] = {}
    for key, it in raw.items():
        if key == "$case":
            continue
        if key not in names.cases[about]:
            raise BadTemplate(f"{about} is never {key!r}: {', '.join(names.cases[about])}", (*path, key))
        branches[key] = parse_tree(it, names, (*path, key))
    return Case(about, branches)


def _json(raw: Mapping[str, object], path: tuple[str | int, ...]) -> Literal:
    text = raw["$json"]
    if len(raw) != 1 or not isinstance(text, str):
        raise BadTemplate("$json stands alone and has a text", path)
    try:
        return Literal(from_json(text))
    except ValueError as error:
        raise BadTemplate(f"is not JSON: {error}", (*path, "$json")) from None


def specialise(node: Node, scope: Scope) -> Tree | None:
    """Return what is left of a template in `scope`; None when nothing is."""
    if isinstance(node, Literal):
        return node
    if isinstance(node, Case):
        branch = node.branches.get(scope.cases[node.about])
        return None if branch is None else specialise(branch, scope)
    if isinstance(node, Branches):
        kept = {key: left for key, it in node.items if (left := specialise(it, scope)) is not None}
        return kept if kept or not node.items else None
    if isinstance(node, Items):
        left_over = [left for it in node.items if (left := specialise(it, scope)) is not None]
        return left_over if left_over or not node.items else None
    return resolve(node, scope)


def placeholders(node: Node) -> Iterator[Placeholder]:
    """Iterate over the placeholders of a template, in all branches."""
    if isinstance(node, Literal):
        return
    if isinstance(node, Case):
        for branch in node.branches.values():
            yield from placeholders(branch)
    elif isinstance(node, Branches):
        for _, it in node.items:
            yield from placeholders(it)
    elif isinstance(node, Items):
        for it in node.items:
            yield from placeholders(it)
    else:
        yield from (part for part in node if isinstance(part, Placeholder))


def depends_on_shape(node: Node) -> bool:
    """Tell whether what is left of a template differs between messages, beside the URL for their receipts."""
    if isinstance(node, Case):
        return True
    if isinstance(node, Branches):
        return any(depends_on_shape(it) for _, it in node.items)
    if isinstance(node, Items):
        return any(map(depends_on_shape, node.items))
    names = {it.name for it in placeholders(node) if not (it.keeps_null and not it.filters)}
    return not names.isdisjoint(("udh", "udh_octets", "septets", "national_language"))


def size(node: Node) -> int:
    """Count what is in a template."""
    if isinstance(node, Case):
        return 1 + sum(map(size, node.branches.values()))
    if isinstance(node, Branches):
        return 1 + sum(size(it) for _, it in node.items)
    if isinstance(node, Items):
        return 1 + sum(map(size, node.items))
    return 1
