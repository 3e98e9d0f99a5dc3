"""What is worked together and not one by one: how much of it at once, and how long it waits for more."""

from typing import Final, NamedTuple


class Part(NamedTuple):
    """What an item is in a batch. `batch` says which items may be together, None that this one must be alone.

    `content` is what it brings into the batch; its length counts.
    """

    batch: str | None
    content: bytes


class Gathering(NamedTuple):
    """A batch has at most so many `items`, and of contents at most so many bytes, unless one item alone has more.

    It waits for more until it is full, or the first of them has waited for `seconds`.
    """

    items: int
    size: int
    seconds: float


NO_GATHERING: Final = Gathering(1, 0, 0.0)
"""Of those that work one by one."""
