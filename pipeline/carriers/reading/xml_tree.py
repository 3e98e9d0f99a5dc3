"""XML that comes from outside becomes a tree, without anything that XML lets a stranger do.

A document type is refused as soon as it begins, so there are no entities to unfold and nothing outside to load. Names
lose their prefix. How deep and how much is bounded.
"""

from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder  # they only hold what the parser below lets through
from xml.parsers import expat  # its handlers refuse document types, and with them all entities

MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 10_000


class UnreadableXml(ValueError):
    """What came is no XML that is read here; the message says why and quotes nothing of it."""


def parse_xml(content: bytes) -> Element:
    """Return the document's element. Raises `UnreadableXml`."""
    reader = _Reader()
    # Outer names lose their prefix below; without a separator expat leaves them as they are written.
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.document_type
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.builder.data
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise UnreadableXml(f"is no XML: {expat.errors.messages.get(error.code, 'an error')}") from None
    except (LookupError, ValueError) as error:
        if isinstance(error, UnreadableXml):
            raise
        raise UnreadableXml("is in an encoding that is not known") from None
    return reader.builder.close()


class _Reader:
    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self._depth = 0
        self._elements = 0

    def document_type(self, *_: object) -> None:
        raise UnreadableXml("has a document type, which is not read")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise UnreadableXml("is too deep or has too many elements")
        self.builder.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(_local(name))


def _local(name: str) -> str:
    return name.rpartition(":")[2]
