"""Time that costs nothing: an event loop whose sleeps are jumps, and wall clocks that go with it."""

import asyncio
import selectors
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

import structlog

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_PATCHED: Final = ("agents.", "pipeline.")


class _NeverWaits(selectors.SelectSelector):
    """Says at once that nothing has come, and moves the clock by what it was asked to wait."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for something that cannot happen")
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that begins at 0 s and never sleeps."""

    def __init__(self) -> None:
        self._instead = _NeverWaits()
        super().__init__(self._instead)

    def time(self) -> float:
        return self._instead.now

    def jump(self, seconds: float) -> None:
        """Let time pass without anybody running."""
        self._instead.now += seconds


class Clock:
    """The wall clock of the history that runs; it may be put forward or back."""

    def __init__(self) -> None:
        self.begin(lambda: 0.0)

    def begin(self, seconds: Callable[[], float]) -> None:
        """Show `EPOCH` when `seconds`, which only go forward, are 0."""
        self.seconds = seconds
        self.put_forward = timedelta()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.seconds()) + self.put_forward


CLOCK: Final = Clock()


class _VirtualDatetime(datetime):
    """Gives plain datetimes out, as everywhere else: an encoder of records takes no others."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return CLOCK.now().astimezone(tz)

    @classmethod
    def fromtimestamp(cls, timestamp: float, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(timestamp, tz)


@contextmanager
def virtual_clocks() -> Iterator[None]:
    """Give every module of ours the virtual clocks, and keep their logs silent.

    Modules have their clocks by name, so the names are replaced, in whichever of them they are.
    """
    clocks: tuple[tuple[Any, Any], ...] = (
        (datetime, _VirtualDatetime),
        (time.time, lambda: CLOCK.now().timestamp()),
        (time.time_ns, lambda: int(CLOCK.now().timestamp() * 1e9)),
        (time.monotonic, lambda: CLOCK.seconds()),
        (time.perf_counter, lambda: CLOCK.seconds()),
    )
    replaced: list[tuple[dict[str, Any], str, Any]] = []
    for module in [it for name, it in sys.modules.items() if name.startswith(_PATCHED)]:
        names = vars(module)
        for name, value in list(names.items()):
            for real, virtual in clocks:
                if value is real:
                    replaced.append((names, name, value))
                    names[name] = virtual
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    try:
        yield
    finally:
        structlog.reset_defaults()
        for names, name, value in replaced:
            names[name] = value
