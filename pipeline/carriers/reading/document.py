"""An answer or a receipt, and how one value of it is found: by JSON pointer, XPath, the name of a field, or pattern.

A value that is found is text, whatever it was: `17` and `"17"` are the same to a profile. What is not there, or is no
single value, is not found; nothing here fails on what comes from outside.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element  # made by xml_tree, which refuses what is dangerous

from pydantic_core import from_json

from pipeline.carriers.reading.pattern import Pattern
from pipeline.carriers.reading.xml_tree import UnreadableXml, parse_xml

MAX_VALUES: Final = 1000
MAX_FIELDS: Final = 200
_NOTHING: Final = object()


class Document:
    """What came. `fields` are those of a query; a form's come with the body."""

    __slots__ = ("_fields", "_given", "_json", "_text", "_xml", "body")

    def __init__(self, body: bytes, fields: Sequence[tuple[str, str]] = (), json: Any = _NOTHING) -> None:
        self.body = body
        self._given = fields
        self._json = json
        self._xml: Element | object | None = _NOTHING
        self._text: str | None = None
        self._fields: dict[str, list[str]] | None = None

    @property
    def json(self) -> Any:
        """The body as JSON, None when it is none."""
        if self._json is _NOTHING:
            try:
                self._json = from_json(self.body, cache_strings="keys")
            except ValueError:
                self._json = None
        return self._json

    @property
    def xml(self) -> Element | None:
        """The body as XML, None when it is none that is read."""
        if self._xml is _NOTHING:
            try:
                self._xml = parse_xml(self.body)
            except UnreadableXml:
                self._xml = None
        return self._xml if isinstance(self._xml, Element) else None

    @classmethod
    def of_element(cls, element: Element) -> "Document":
        """Return a part of an XML document as a document of its own."""
        part = cls(b"")
        part._xml = element
        return part

    @property
    def text(self) -> str:
        """The body as text."""
        if self._text is None:
            self._text = self.body.decode(errors="replace")
        return self._text

    @property
    def fields(self) -> dict[str, list[str]]:
        """The fields of query and form by name."""
        if self._fields is None:
            found: dict[str, list[str]] = {}
            for key, value in [*self._given[:MAX_FIELDS], *_form_fields(self.body)]:
                found.setdefault(key, []).append(value)
            self._fields = found
        return self._fields


def _form_fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:  # UnicodeDecodeError is one
        return []


Find = Callable[[Document], list[str]]
"""Returns what is found, each as text."""


def scalar(value: Any) -> str | None:
    """Return a JSON value as text; None for what is no single value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        try:
            return str(value)
        except ValueError:  # more digits than Python writes
            return None
    return None


def pointer_steps(pointer: str) -> tuple[str, ...]:
    """Return the steps of a JSON pointer (RFC 6901); `*` is each of a list's. Raises `ValueError`."""
    if pointer == "":
        return ()
    if not pointer.startswith("/"):
        raise ValueError("a JSON pointer begins with a slash")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


def follow(value: Any, steps: tuple[str, ...]) -> list[Any]:
    """Return everything that a pointer leads to."""
    reached = [value]
    for step in steps:
        if step == "*":
            reached = [inner for it in reached if isinstance(it, list) for inner in it[:MAX_VALUES]][:MAX_VALUES]
        else:
            reached = [inner for it in reached if (inner := _step(it, step)) is not _NOTHING]
    return reached


def _step(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step, _NOTHING)
    if isinstance(value, list) and step.isascii() and step.isdecimal() and len(step) < 6 and int(step) < len(value):
        return value[int(step)]
    return _NOTHING


def by_pointer(pointer: str) -> Find:
    """Return what finds values of JSON. Raises `ValueError`."""
    steps = pointer_steps(pointer)
    if len(steps) == 1 and steps[0] != "*":
        [only] = steps

        def find_one(document: Document) -> list[str]:
            held = document.json
            text = scalar(held.get(only)) if type(held) is dict else None
            return [] if text is None else [text]

        return find_one
    return lambda document: [text for it in follow(document.json, steps) if (text := scalar(it)) is not None]


def by_xpath(path: str) -> Find:
    """Return what finds texts of XML. `path` is what ElementTree takes of XPath, `/@name` at its end an attribute.

    Raises `ValueError`.
    """
    elements, attribute = elements_by_xpath(path)

    def find(document: Document) -> list[str]:
        found = elements(document)
        if attribute is not None:
            return [it.attrib[attribute] for it in found if attribute in it.attrib]
        return ["".join(it.itertext()).strip() for it in found]

    return find


def elements_by_xpath(path: str) -> tuple[Callable[[Document], list[Element]], str | None]:
    """Return what finds elements, and the attribute of them that is meant. Raises `ValueError`."""
    steps, mark, attribute = path.rpartition("/@")
    if not mark:
        steps, attribute = path, ""
    steps = steps.removeprefix("/")
    if not steps and not mark:
        raise ValueError("an XPath must not be empty")
    try:
        Element("x").findall(f"./{steps}" if steps else ".")
    except (SyntaxError, LookupError, ValueError, TypeError, StopIteration):  # whatever its tokenizer trips over
        raise ValueError("is no XPath that can be read") from None

    def find(document: Document) -> list[Element]:
        top = document.xml
        if top is None:
            return []
        # The document itself stands above its element, so that a path begins with the element's name.
        above = Element("document")
        above.append(top)
        return above.findall(f"./{steps}" if steps else ".")[:MAX_VALUES]

    return find, attribute or None


def by_field(name: str) -> Find:
    """Return what finds the values of a query's or a form's field."""
    return lambda document: document.fields.get(name, [])


def by_pattern(pattern: Pattern) -> Find:
    """Return what finds a pattern in the body's text."""

    def find(document: Document) -> list[str]:
        found = pattern.found(document.text)
        return [] if found is None else [found]

    return find
