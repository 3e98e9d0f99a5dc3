"""A template becomes a query or a form: `name=value&name=value` (WHATWG URL section 5, RFC 3986 section 3.4).

Everything but letters, digits and `-._~` is percent-encoded, a space too: `%20` is a space to every reader, `+` only to
some. Octets are percent-encoded as they are.
"""

from collections.abc import Callable
from urllib.parse import quote

from pipeline.carriers.templates.placeholders import BadTemplate, Leaf
from pipeline.carriers.templates.tree import Branches, Case, Items, Literal, Node, Tree
from pipeline.carriers.templates.variables import Value, Values

Write = Callable[[Values], str]


def check_pairs(node: Node) -> None:
    """Raise `BadTemplate` for what is not one text, or a list of texts, by name."""
    if not isinstance(node, Branches):
        raise BadTemplate("must be a mapping of names to values")
    for key, it in node.items:
        if not key:
            raise BadTemplate("a name must not be empty")
        _check_value(it, (key,))


def _check_value(node: Node, path: tuple[str | int, ...], *, in_list: bool = False) -> None:
    if isinstance(node, Case):
        for branch, it in node.branches.items():
            _check_value(it, (*path, branch), in_list=in_list)
    elif isinstance(node, Items) and not in_list:
        for index, it in enumerate(node.items):
            _check_value(it, (*path, index), in_list=True)
    elif isinstance(node, Literal | Branches | Items):
        raise BadTemplate("must be a text, or a list of texts for a name that is repeated", path)


def pairs_writer(tree: Tree | None) -> Write:
    """Return what writes `tree` for the values of a message. It raises `UnicodeEncodeError` for half a character."""
    pairs = list(_pairs(tree if isinstance(tree, dict) else {}))
    if all(leaf.read is None for _, leaf in pairs):
        constant = "&".join([f"{key}={percent_encoded(leaf.constant)}" for key, leaf in pairs])
        return lambda _: constant
    return lambda values: "&".join([f"{key}={percent_encoded(leaf.value(values))}" for key, leaf in pairs])


def _pairs(tree: dict[str, Tree]) -> list[tuple[str, Leaf]]:
    found: list[tuple[str, Leaf]] = []
    for key, it in tree.items():
        leaves = it if isinstance(it, list) else [it]
        found += [(quote(key, safe=""), leaf) for leaf in leaves if isinstance(leaf, Leaf)]
    return found


def percent_encoded(value: Value) -> str:
    """Return a value as it stands in a query, a form, or one step of a path."""
    if isinstance(value, str | bytes):
        return quote(value, safe="")
    return "" if value is None else str(int(value))
