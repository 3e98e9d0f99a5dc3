"""A template becomes JSON. A flat object, which most are, costs one call of the encoder."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

from pipeline.carriers.templates.placeholders import BadTemplate, Leaf, kind_of
from pipeline.carriers.templates.tree import Literal, Names, Node, Tree, placeholders
from pipeline.carriers.templates.variables import CORE, Kind, Values
from schemas.unchecked import encode

_CORE_NAMES: Final = tuple(CORE)

Write = Callable[[Values], bytes]


def check_json(node: Node, names: Names) -> None:
    """Raise `BadTemplate` for what JSON cannot hold."""
    for it in placeholders(node):
        if kind_of(it, names.kinds) is Kind.OCTETS:
            raise BadTemplate(f"{{{it.name}}} holds octets, which JSON cannot: add |hex or |base64")


def json_writer(tree: Tree | None) -> Write:
    """Return what writes `tree` for the values of a message. It raises `UnicodeEncodeError` for half a character."""
    if tree is None:
        return lambda _: b"{}"
    if isinstance(tree, dict):
        leaves = list(tree.items())
        names = [it.name for _, it in leaves if isinstance(it, Leaf) and it.name is not None]
        if len(names) == len(leaves):
            keys = tuple(tree)
            if keys == _CORE_NAMES and tuple(names) == _CORE_NAMES:
                return lambda values: encode({key: values[key] for key in _CORE_NAMES} if len(values) > 7 else values)
            if len(keys) > 1:
                chosen = itemgetter(*names)
                return lambda values: encode(dict(zip(keys, chosen(values), strict=True)))
    build = _builder(tree)
    return lambda values: encode(build(values))


def _builder(tree: Tree) -> Callable[[Values], Any]:
    if isinstance(tree, Literal):
        literal = tree.value
        return lambda _: literal
    if isinstance(tree, Leaf):
        return tree.value
    if isinstance(tree, dict):
        branches = [(key, _builder(it)) for key, it in tree.items()]
        return lambda values: {key: build(values) for key, build in branches}
    items = [_builder(it) for it in tree]
    return lambda values: [build(values) for build in items]
