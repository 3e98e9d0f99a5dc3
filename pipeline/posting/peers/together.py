"""Several limits that hold at once, as one: a trunk's own, and that of its account."""

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

from pipeline.posting.peers.limit import Limit


class Rate(Protocol):
    """What a flow is paced by: one `Limit`, or several."""

    @property
    def is_free(self) -> bool:
        """Whether a segment may be posted at once, and none that goes first waits."""

    def take(self) -> None:
        """Note that a segment is posted; ask `is_free` before."""

    def give_back(self) -> None:
        """Note that one was not posted after all."""

    async def wait(self) -> None:
        """Wait until a further segment of something that has begun may be posted, and take its token."""

    def when_free(self, who: Hashable, call: Callable[[], None]) -> None:
        """Call `call` once when `is_free` again; the last one of `who` counts."""


class Together:
    """A segment takes a token of each of `limits`, of which there are some. Others may share them."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = tuple(limits)

    @property
    def is_free(self) -> bool:
        """Whether all are."""
        return all(it.is_free for it in self._limits)

    def take(self) -> None:
        """Take of each."""
        for it in self._limits:
            it.take()

    def give_back(self) -> None:
        """Give back to each."""
        for it in self._limits:
            it.give_back()

    async def wait(self) -> None:
        """Wait for one after the other: what is taken already is no one else's meanwhile."""
        taken: list[Limit] = []
        try:
            for it in self._limits:
                await it.wait()
                taken.append(it)
        except BaseException:
            for it in taken:
                it.give_back()
            raise

    def when_free(self, who: Hashable, call: Callable[[], None]) -> None:
        """Be called by one that is not: whoever is called looks again."""
        next((it for it in self._limits if not it.is_free), self._limits[0]).when_free(who, call)


def joined(*limits: Limit | None) -> Rate | None:
    """Return those that there are as one."""
    held = [it for it in limits if it is not None]
    return Together(held) if len(held) > 1 else next(iter(held), None)
