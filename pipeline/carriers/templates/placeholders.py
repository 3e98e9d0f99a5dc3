"""A text with placeholders: `{name}`, `{name|filter}`; `{{` and `}}` stand for braces.

A text that is one placeholder and nothing else has its value, number or octets as they are; any other one is text.
Where a placeholder of it has no value, all of it is left out: half a value would be a wrong one.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Final, NamedTuple

from pipeline.carriers.templates.variables import CORE, Kind, Value, Values

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)((?:\|[a-z0-9]*)*)\}|[{}]")


class BadTemplate(Exception):
    """What is wrong with a template; `path` leads to the place, from the outside."""

    def __init__(self, reason: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path


class Placeholder(NamedTuple):
    """`{name|filter}`. `keeps_null`: it has the filter `null`, so it is written as null and not left out."""

    name: str
    filters: tuple[str, ...]
    keeps_null: bool = False


Parts = tuple[str | Placeholder, ...]

FILTERS: Final[Mapping[str, tuple[frozenset[Kind], Kind]]] = {
    "hex": (frozenset((Kind.OCTETS,)), Kind.TEXT),
    "base64": (frozenset((Kind.OCTETS,)), Kind.TEXT),
    "string": (frozenset((Kind.NUMBER, Kind.TEXT)), Kind.TEXT),
    "number": (frozenset((Kind.NUMBER, Kind.TEXT)), Kind.NUMBER),
}
"""What each filter takes and makes; beside them there is `null`, which keeps what would be left out."""


def parse(text: str, kinds: Mapping[str, Kind]) -> Parts:
    """Return the parts of a text. Raises `BadTemplate` for an unknown name or filter and for a lonely brace."""
    parts: list[str | Placeholder] = []
    literal, end = "", 0
    for found in _PIECE.finditer(text):
        literal += text[end : found.start()]
        end = found.end()
        if found[0] in ("{{", "}}"):
            literal += found[0][0]
        elif found[1] is None:
            raise BadTemplate(f"a lonely {found[0]!r} at character {found.start() + 1}: a brace is written twice")
        else:
            if literal:
                parts.append(literal)
                literal = ""
            parts.append(_placeholder(found[1], found[2], kinds))
    literal += text[end:]
    if literal or not parts:
        parts.append(literal)
    if len(parts) > 1:
        for part in parts:
            if isinstance(part, Placeholder) and kind_of(part, kinds) is Kind.OCTETS:
                raise BadTemplate(f"{{{part.name}}} holds octets, which text around them cannot: add |hex or |base64")
            if isinstance(part, Placeholder) and part.keeps_null:
                raise BadTemplate(f"{{{part.name}|null}} has to stand alone")
    return tuple(parts)


def _placeholder(name: str, written: str, kinds: Mapping[str, Kind]) -> Placeholder:
    if name not in kinds:
        raise BadTemplate(f"there is no {{{name}}}: neither a variable nor a parameter of this profile")
    filters = tuple(written.split("|")[1:])
    keeps_null = "null" in filters
    result = Placeholder(name, tuple(it for it in filters if it != "null"), keeps_null)
    kind_of(result, kinds)
    return result


def kind_of(placeholder: Placeholder, kinds: Mapping[str, Kind]) -> Kind:
    """Return what kind of value a placeholder gives. Raises `BadTemplate` for a filter that cannot take it."""
    kind = kinds[placeholder.name]
    for name in placeholder.filters:
        if name not in FILTERS:
            raise BadTemplate(f"there is no filter {name!r}: {', '.join(sorted((*FILTERS, 'null')))}")
        takes, makes = FILTERS[name]
        if kind not in takes:
            raise BadTemplate(f"|{name} cannot take {{{placeholder.name}}}, which holds {kind.value}")
        kind = makes
    return kind


class Leaf(NamedTuple):
    """A text of a template for one shape of messages: a constant, or what has to be read from a message's values.

    `name` is set where it is one variable as it is.
    """

    constant: Value = None
    read: Callable[[Values], Value] | None = None
    name: str | None = None

    def value(self, values: Values) -> Value:
        """Return its value for one message."""
        return self.constant if self.read is None else self.read(values)


class Scope(NamedTuple):
    """What is known before there is a message: parameters, what each shape decides, and which variables are absent."""

    constants: Mapping[str, Value]
    cases: Mapping[str, str]
    absent: frozenset[str]


def resolve(parts: Parts, scope: Scope) -> Leaf | None:
    """Return what is left of a text in `scope`; None when it is left out."""
    if len(parts) == 1:
        [part] = parts
        if isinstance(part, str):
            return Leaf(part)
        return _one(part, scope)
    pieces: list[Leaf] = []
    for part in parts:
        leaf = Leaf(part) if isinstance(part, str) else _one(part, scope)
        if leaf is None:
            return None
        pieces.append(leaf)
    if all(it.read is None for it in pieces):
        return Leaf("".join([str(it.constant) for it in pieces]))
    return Leaf(read=lambda values: "".join([str(it.value(values)) for it in pieces]))


def _one(part: Placeholder, scope: Scope) -> Leaf | None:
    name, filters = part.name, part.filters
    if part.keeps_null and not filters and name in CORE:
        return Leaf(read=itemgetter(name), name=name)  # absent or not: it is among the values, and null then
    if name in scope.absent or (name in scope.constants and scope.constants[name] in (None, "")):
        return Leaf() if part.keeps_null else None
    if name in scope.constants:
        return Leaf(filtered(scope.constants[name], filters))
    if not filters:
        return Leaf(read=itemgetter(name), name=name)
    return Leaf(read=lambda values: filtered(values[name], filters))


def filtered(value: Value, filters: tuple[str, ...]) -> Value:
    """Return `value` after its filters."""
    for name in filters:
        if isinstance(value, bytes):
            value = value.hex() if name == "hex" else b64encode(value).decode()
        elif name == "string":
            value = str(value)
        elif name == "number" and value is not None:
            value = int(value)
    return value
