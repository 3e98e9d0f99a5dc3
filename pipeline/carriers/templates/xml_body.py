"""A template becomes XML 1.0: a mapping is an element, `@name` an attribute of it, `#text` its text, a list repeats it.

XML has characters that it cannot hold at all, not even as references (XML 1.0 section 2.2: most control characters):
such a value is refused, because whatever else was sent would be another one.
"""

import re
from collections.abc import Callable
from typing import Final

from pipeline.carriers.templates.placeholders import BadTemplate, Leaf, kind_of
from pipeline.carriers.templates.tree import Branches, Case, Items, Literal, Names, Node, Tree, placeholders
from pipeline.carriers.templates.variables import Kind, Value, Values
from pipeline.errors import Inexpressible

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*(?::[A-Za-z_][A-Za-z0-9._-]*)?")
_IMPOSSIBLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A parser makes a line feed of a carriage return, and in an attribute spaces of both and of tabs (sections 2.11, 3.3).
_IN_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE: Final = _IN_TEXT | str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;"})
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'

Write = Callable[[Values], bytes]
_Piece = Callable[[Values], str]


def check_xml(node: Node, names: Names) -> None:
    """Raise `BadTemplate` for what is not one element with elements, attributes and texts that XML can hold."""
    if not isinstance(node, Branches) or len(node.items) != 1 or node.items[0][0][:1] in "@#":
        raise BadTemplate("must be one element")
    _check_content(node, (), names, inside=False)
    for it in placeholders(node):
        if kind_of(it, names.kinds) is Kind.OCTETS:
            raise BadTemplate(f"{{{it.name}}} holds octets, which XML cannot: add |hex or |base64")


def _check_content(node: Node, path: tuple[str | int, ...], names: Names, *, inside: bool) -> None:
    if isinstance(node, Case):
        for branch, it in node.branches.items():
            _check_content(it, (*path, branch), names, inside=inside)
    elif isinstance(node, Items):
        if not inside:
            raise BadTemplate("only an element inside of another can be repeated", path)
        for index, it in enumerate(node.items):
            _check_content(it, (*path, index), names, inside=False)
    elif isinstance(node, Branches):
        for key, it in node.items:
            if key == "#text" or key.startswith("@"):
                _check_text(it, (*path, key))
            elif (path and not _NAME.fullmatch(key)) or not _NAME.fullmatch(key):
                raise BadTemplate(f"{key!r} is no name of an element", (*path, key))
            else:
                _check_content(it, (*path, key), names, inside=True)
            if key.startswith("@") and not _NAME.fullmatch(key[1:]):
                raise BadTemplate(f"{key[1:]!r} is no name of an attribute", (*path, key))
    elif isinstance(node, Literal):
        raise BadTemplate("must be a text", path)


def _check_text(node: Node, path: tuple[str | int, ...]) -> None:
    if isinstance(node, Case):
        for branch, it in node.branches.items():
            _check_text(it, (*path, branch))
    elif isinstance(node, Literal | Branches | Items):
        raise BadTemplate("must be a text", path)


def xml_writer(tree: Tree | None) -> Write:
    """Return what writes `tree`; it raises `Inexpressible`, and `UnicodeEncodeError` for half a character."""
    pieces: list[str | _Piece] = [_DECLARATION]
    if isinstance(tree, dict):
        for name, content in tree.items():
            _element(name, content, pieces)
    joined = list(_joined(pieces))
    return lambda values: "".join([it if isinstance(it, str) else it(values) for it in joined]).encode()


def _element(name: str, content: Tree, pieces: list[str | _Piece]) -> None:
    if isinstance(content, list):
        for it in content:
            _element(name, it, pieces)
        return
    if not isinstance(content, dict):
        content = {"#text": content}
    pieces.append(f"<{name}")
    for key, it in content.items():
        if key.startswith("@"):
            pieces += [f' {key[1:]}="', _text(it, _IN_ATTRIBUTE), '"']
    pieces.append(">")
    for key, it in content.items():
        if key == "#text":
            pieces.append(_text(it, _IN_TEXT))
        elif not key.startswith("@"):
            _element(key, it, pieces)
    pieces.append(f"</{name}>")


def _text(tree: Tree, table: dict[int, str]) -> str | _Piece:
    leaf = tree if isinstance(tree, Leaf) else Leaf("")
    if leaf.read is None:
        return _escaped(leaf.constant, table)
    return lambda values: _escaped(leaf.value(values), table)


def _escaped(value: Value, table: dict[int, str]) -> str:
    text = "" if value is None else str(value if isinstance(value, str) else int(value))
    if (found := _IMPOSSIBLE.search(text)) is not None:
        raise Inexpressible(f"XML cannot hold U+{ord(found[0]):04X}, which a value has at {found.start() + 1}")
    return text.translate(table)


def _joined(pieces: list[str | _Piece]) -> list[str | _Piece]:
    joined: list[str | _Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
