"""A text with places, `{{name}}`, and what stands in them for one destination.

Each place is filled once, from left to right: what a value holds is text, also where it looks like a place. A text
that needs two braces side by side gets them by a value.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

MAX_VALUES: Final = 100
"""Values of one destination."""
MAX_NAMED: Final = 5
"""Names that a problem lists."""
NAME_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_]{0,39}$"

_OPENING: Final = "{{"
_place: Final = re.compile(r"\{\{([A-Za-z][A-Za-z0-9_]{0,39})\}\}")


class Template(NamedTuple):
    """A text, cut at its places: `literals` stand before, between and behind them, `names` in them."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    def length(self, values: Mapping[str, str]) -> int:
        """Return how long the text will be, without making it: a short request can ask for a long one."""
        return sum(map(len, self.literals)) + sum([len(values[name]) for name in self.names])

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text of one destination. Raises `KeyError` for a place without a value."""
        first, *others = self.literals
        return first + "".join([values[name] + text for name, text in zip(self.names, others, strict=True)])


@lru_cache(64)
def template(text: str) -> Template:
    """Return a text cut at its places."""
    parts = _place.split(text)
    return Template(tuple(parts[::2]), tuple(parts[1::2]))


def template_problem(text: str) -> str | None:
    """Return what is wrong with a text as a template, or None."""
    at = 0
    found = template(text)
    for place, literal in enumerate(found.literals):
        if (opening := literal.find(_OPENING)) >= 0:
            return f"has a {_OPENING} at position {at + opening} that begins no place: a place is {{{{name}}}}"
        at += len(literal) + (len(found.names[place]) + 4 if place < len(found.names) else 0)
    return None


def values_problems(text: str, values: Mapping[str, str], max_length: int) -> Iterator[str]:
    """Yield what is wrong with the values of one destination, whose text may have `max_length` characters."""
    found = template(text)
    wanted = dict.fromkeys(found.names)
    if len(values) > MAX_VALUES:
        yield f"must be {MAX_VALUES} at most, not {len(values)}"
    elif lacking := [name for name in wanted if name not in values]:
        yield f"lacks {_listed(lacking)}"
    elif odd := [name for name in values if name not in wanted]:
        yield f"has {_listed(odd)}, for which the content has no place"
    elif not 0 < (length := found.length(values)) <= max_length:
        yield f"makes a text of {length} characters; 1 to {max_length} are allowed"


def _listed(names: list[str]) -> str:
    shown = [name if re.match(NAME_PATTERN, name) else ascii(name[:40]) for name in names[:MAX_NAMED]]
    more = len(names) - MAX_NAMED
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
