"""YAML as plain text values, each with the line it stands on.

Nothing is guessed: `no`, `0123` and `12:30` stay the text that was typed, and what they mean is up to the model that
reads them. Only a plain `null`, `~` or nothing is None. Aliases and tags are refused: a file of ten lines must not
unfold to ten million.
"""

from collections.abc import Sequence
from typing import Any, Final, Self

import yaml

from pipeline.errors import RuleViolated

Path = Sequence[str | int]

_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml is ten times faster
_NOTHING: Final = frozenset(("", "~", "null", "Null", "NULL"))
_TAGS: Final = {
    yaml.ScalarNode: "tag:yaml.org,2002:str",
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
    yaml.MappingNode: "tag:yaml.org,2002:map",
}


class YamlDocument:
    """One parsed document. `tree` holds dicts, lists, texts and None."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._root = root
        self._seen: set[int] = set()
        self._problems: list[tuple[str, str]] = []
        self.tree = self._plain(root) if root is not None else None
        self._seen.clear()
        if self._problems:
            raise RuleViolated(self._problems)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Parse one UTF-8 document. Raises `RuleViolated` whose places are lines."""
        loader = None
        try:
            loader = _Loader(content.decode())
            return cls(loader.get_single_node())
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise RuleViolated([(f"line {line}", "is not UTF-8")]) from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"line {mark.line + 1}" if mark else "file"
            raise RuleViolated([(where, f"is not YAML: {error.problem or error.context}")]) from error
        except (yaml.YAMLError, RecursionError) as error:
            raise RuleViolated([("file", f"is not YAML: {error}")]) from error
        finally:
            if loader is not None:
                loader.dispose()

    def where(self, path: Path) -> str:
        """Return the place of `path`, or of what is nearest to it, for people: `line 12 (accounts[0].name)`."""
        node = self._root
        for step in path:
            inner = _step(node, step)
            if inner is None:
                break
            node = inner
        line = node.start_mark.line + 1 if node is not None else 1
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
        return f"line {line} ({text})" if text else f"line {line}"

    def _plain(self, node: yaml.Node) -> Any:
        if id(node) in self._seen:
            self._refuse(node, "aliases are not supported: write it out")
            return None
        self._seen.add(id(node))
        if node.tag != _TAGS[type(node)]:
            self._refuse(node, "tags are not supported")
        if isinstance(node, yaml.ScalarNode):
            return None if not node.style and node.value in _NOTHING else node.value
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item) for item in node.value]
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, "a key must be a word")
            elif key.value in found:
                self._refuse(key, f"{key.value!r} is here twice")
            else:
                found[key.value] = self._plain(value)
        return found

    def _refuse(self, node: yaml.Node, problem: str) -> None:
        self._problems.append((f"line {node.start_mark.line + 1}", problem))


def _step(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]  # type: ignore[no-any-return]
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None
