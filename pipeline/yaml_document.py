"""YAML as plain text values, each with the line it stands on.

Nothing is guessed: `no`, `0123` and `12:30` stay the text that was typed, and what they mean is up to the model that
reads them. Only a plain `null`, `~` or nothing is None. Aliases and tags are refused: a file of ten lines must not
unfold to ten million.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

import yaml
from yaml import events

from pipeline.errors import RuleViolated

Path = Sequence[str | int]

MAX_DEPTH: Final = 32  # checked here, event by event: libyaml's own composer overflows the stack

_Parser: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml is ten times faster
_NOTHING: Final = frozenset(("", "~", "null", "Null", "NULL"))


class _Node(NamedTuple):
    """A value's line, and the values inside of it."""

    line: int
    inner: Mapping[str, "_Node"] | Sequence["_Node"] = ()


class YamlDocument:
    """One parsed document. `tree` holds dicts, lists, texts and None."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._problems: list[tuple[str, str]] = []
        parser.get_event()  # the stream begins
        self.tree: Any = None
        self._root = _Node(1)
        if not parser.check_event(events.StreamEndEvent):
            parser.get_event()  # the document begins
            self.tree, self._root = self._value(parser.get_event(), depth=0)
            parser.get_event()  # the document ends
            if not parser.check_event(events.StreamEndEvent):
                self._refuse(parser.get_event(), "a second document begins")
        if self._problems:
            raise RuleViolated(self._problems)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Parse one UTF-8 document. Raises `RuleViolated` whose places are lines."""
        parser = None
        try:
            parser = _Parser(content.decode())
            return cls(parser)
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise RuleViolated([(f"line {line}", "is not UTF-8")]) from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"line {mark.line + 1}" if mark else "file"
            raise RuleViolated([(where, f"is not YAML: {error.problem or error.context}")]) from error
        except yaml.YAMLError as error:
            raise RuleViolated([("file", f"is not YAML: {error}")]) from error
        finally:
            if parser is not None:
                parser.dispose()

    def where(self, path: Path) -> str:
        """Return the place of `path`, or of what is nearest to it, for people: `line 12 (accounts[0].name)`."""
        node = self._root
        for step in path:
            inner = _step(node, step)
            if inner is None:
                break
            node = inner
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
        return f"line {node.line} ({text})" if text else f"line {node.line}"

    def _value(self, event: Any, depth: int) -> tuple[Any, _Node]:
        line = event.start_mark.line + 1
        if isinstance(event, events.AliasEvent):
            self._refuse(event, "aliases are not supported: write it out")
            return None, _Node(line)
        if event.tag is not None:
            self._refuse(event, "tags are not supported")
        if isinstance(event, events.ScalarEvent):
            return None if not event.style and event.value in _NOTHING else event.value, _Node(line)
        if depth == MAX_DEPTH:
            raise RuleViolated([(f"line {line}", f"is nested more than {MAX_DEPTH} deep")])
        if isinstance(event, events.SequenceStartEvent):
            return self._sequence(line, depth)
        return self._mapping(line, depth)

    def _sequence(self, line: int, depth: int) -> tuple[list[Any], _Node]:
        values: list[Any] = []
        nodes: list[_Node] = []
        while not isinstance(event := self._parser.get_event(), events.SequenceEndEvent):
            value, node = self._value(event, depth + 1)
            values.append(value)
            nodes.append(node)
        return values, _Node(line, nodes)

    def _mapping(self, line: int, depth: int) -> tuple[dict[str, Any], _Node]:
        values: dict[str, Any] = {}
        nodes: dict[str, _Node] = {}
        while not isinstance(event := self._parser.get_event(), events.MappingEndEvent):
            self._value(event, depth + 1)
            key = event.value if isinstance(event, events.ScalarEvent) else None
            value, node = self._value(self._parser.get_event(), depth + 1)
            if key is None:
                self._refuse(event, "a key must be a word")
            elif key in values:
                self._refuse(event, f"{key!r} is here twice")
            else:
                values[key], nodes[key] = value, node
        return values, _Node(line, nodes)

    def _refuse(self, event: Any, problem: str) -> None:
        self._problems.append((f"line {event.start_mark.line + 1}", problem))


def _step(node: _Node, step: str | int) -> _Node | None:
    inner = node.inner
    if isinstance(inner, Mapping):
        return inner.get(str(step))
    return inner[step] if isinstance(step, int) and step < len(inner) else None
