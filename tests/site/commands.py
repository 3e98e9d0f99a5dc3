"""The shell blocks of a page: which are run, and what they print.

A comment above a block of the language `sh` says `run`, or `not run: ` and why. With `run: it may find something` it
may end with 1. A block below it with the comment `prints` is what it prints, in which `…` stands for anything.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Final, NamedTuple

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGES: Final = tuple(sorted([*DOCS.glob("*.md"), *(DOCS / "how-to").glob("*.md")]))
"""Those whose shell blocks all bear a comment; what is made from the code (docs/reference) has none."""
MAY_FIND: Final = "run: it may find something"

_BLOCK: Final = re.compile(
    r"^(?: *<!-- (?P<mark>[^>]*) -->\n)?(?P<indent> *)```sh\n(?P<command>.*?)^ *```\n"
    r"(?:\n *<!-- prints -->\n *```\w+\n(?P<prints>.*?)^ *```\n)?",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A shell block; `mark` is None where no comment is above it, `prints` where nothing is said of that."""

    mark: str | None
    command: str
    prints: str | None

    @property
    def is_run(self) -> bool:
        """Whether a test runs it."""
        return self.mark in ("run", MAY_FIND)

    @property
    def codes(self) -> tuple[int, ...]:
        """What it may end with."""
        return (0, 1) if self.mark == MAY_FIND else (0,)

    def has_printed(self, output: str) -> bool:
        """Tell whether this is what it prints."""
        if self.prints is None:
            return True
        pattern = ".*".join(re.escape(it) for it in self.prints.strip().split("…"))
        return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None


def blocks(page: Path) -> Iterator[Block]:
    """Yield the shell blocks of a page in their order."""
    for it in _BLOCK.finditer(page.read_text()):
        yield Block(it["mark"], dedent(it["command"]), None if it["prints"] is None else dedent(it["prints"]))
