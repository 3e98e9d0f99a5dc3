"""What has lately gone out of each trunk with a guard, and what was decided about messages that may come again.

Who works on a partition of `sms.mt.submitted` knows it of the trunks in there: what it decides itself, and before that
what the topic of screenings says. It takes bounded memory: when there is too much, the trunks that hold the most forget
their oldest, so a flood shortens its own memory. That stops less, never more.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from pipeline.limits.counts import Key, Position
from pipeline.limits.recent import Keys, Window
from schemas.record import OutRecord
from schemas.state.screening import (
    Guard,
    Screening,
    UncheckedPassed,
    UncheckedPlace,
    UncheckedScreening,
    UncheckedStopped,
)
from schemas.topics import SCREENED
from schemas.unchecked import encode

MOST: Final = 500_000
"""Entries that are held, one for each message and guard: about 65 MB. A look at what there is may find some more."""
ROOM: Final = 7 / 8
"""How much of it is left when there are too many."""
LOOKS: Final = 32
"""How often there is a look while so many come."""
MOST_IN_RECORD: Final = 2000
"""Messages of one record: about 250 kB."""


class Recent:
    """What has lately gone out of a trunk, from one partition. `to` is how far it has been screened."""

    __slots__ = ("to", "windows")

    def __init__(self, to: Position) -> None:
        self.to = to
        self.windows: dict[Guard, Window] = {}

    def __len__(self) -> int:
        return sum(map(len, self.windows.values()))

    def window(self, guard: Guard) -> Window:
        """Return what is counted for a guard; a new one begins to count now."""
        found = self.windows.get(guard)
        if found is None:
            found = self.windows[guard] = Window()
        return found

    def add(self, keys: Keys, at_ms: int, guards: tuple[Guard, ...] = tuple(Guard)) -> None:
        """Note what has gone out."""
        for guard in guards:
            if (key := keys.under(guard)) is not None:
                self.window(guard).add(key, at_ms)

    def take_back(self, keys: Keys) -> None:
        """Forget the latest that has gone out."""
        for guard, window in self.windows.items():
            if (key := keys.under(guard)) is not None:
                window.take_back(key)

    def shrink(self, most: int) -> int:
        """Forget the oldest beyond so many entries; return how many they were."""
        before = len(self)
        if before > most:
            for window in self.windows.values():
                window.forget(len(window) - len(window) * most // before)
        return before - len(self)


class Stop(NamedTuple):
    """By what a message was stopped: no more than so many messages in so many minutes."""

    guard: Guard
    messages: int
    minutes: int


class _Step(NamedTuple):
    """A message that was screened: where its trunk was before, and what it is counted under where it went out."""

    key: Key
    before: Position | None
    keys: Keys | None


class Screens:
    """All of it. What is decided here can be taken back until it is written."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._recents: dict[Key, Recent] = {}
        self._decided: dict[int, dict[tuple[int, int], Stop]] = {}
        self._steps: list[_Step] = []
        self._unwritten: dict[Key, list[tuple[Position, Any]]] = {}
        self._added = 0
        self.forgotten = 0
        """Entries for which there was no room."""

    def __len__(self) -> int:
        return len(self._recents)

    @property
    def held(self) -> int:
        """Entries."""
        return sum(map(len, self._recents.values()))

    @property
    def has_unwritten(self) -> bool:
        """Whether anything is decided that is not written."""
        return bool(self._steps)

    # What is known

    def get(self, partition: int, trunk_id: str) -> Recent | None:
        """Return what is known of a trunk in a partition."""
        return self._recents.get((partition, trunk_id))

    def decided(self, partition: int, position: Position) -> Stop | None:
        """Return by what a message was stopped that has been screened before, None where it was not."""
        known = self._decided.get(partition)
        return None if known is None else known.get(position[:2])

    def take_over(self, partition: int) -> None:
        """Forget what was decided in a partition: what of it can come again is to be learned anew."""
        self._decided[partition] = {}

    def learn(self, partition: int, record: Screening, first_offset: int) -> None:
        """Take in what the topic says. What may come again begins with the submissions' `first_offset`."""
        key = partition, record.trunk_id
        to = Position(record.screened_to.offset, record.screened_to.message, record.at_ms)
        recent = self._recents.get(key)
        known = None if recent is None else recent.to
        if recent is None:
            recent = self._recents[key] = Recent(to)
        for passed in record.passed or ():
            # An owner before this one may have written late what another one has decided, too.
            if known is None or not Position(passed.offset, passed.message, passed.at_ms).is_up_to(known):
                recent.add(Keys.of(passed.number, passed.text), passed.at_ms)
        if known is None or not to.is_up_to(known):
            recent.to = to
        decided = self._decided.setdefault(partition, {})
        for it in record.stopped or ():
            if it.offset >= first_offset:
                decided[it.offset, it.message] = Stop(it.guard, it.messages, it.minutes)
        self._added += len(Guard) * len(record.passed or ())
        self._make_room()

    # Screening

    def let_out(
        self, key: Key, position: Position, number: str, text: str | None, guards: tuple[Guard, ...]
    ) -> None:  # fmt: skip
        """Note that a message goes out."""
        keys = Keys.of(number, text)
        passed = UncheckedPassed(
            offset=position.offset, message=position.message, at_ms=position.at_ms, number=number, text=text
        )
        self._decide(key, position, passed, keys).add(keys, position.at_ms, guards)
        self._added += len(guards)

    def stop(self, key: Key, position: Position, stop: Stop) -> None:
        """Note that a message is stopped."""
        self._decide(key, position, stop)

    def pass_over(self, key: Key, position: Position) -> None:
        """Note that a message is not stopped here, and does not go out either."""
        self._decide(key, position, None)

    def _decide(self, key: Key, position: Position, decision: Any, keys: Keys | None = None) -> Recent:
        recent = self._recents.get(key)
        self._steps.append(_Step(key, None if recent is None else recent.to, keys))
        self._unwritten.setdefault(key, []).append((position, decision))
        if recent is None:
            recent = self._recents[key] = Recent(position)
        recent.to = position
        return recent

    def mark(self) -> int:
        """Return a mark to go back to."""
        return len(self._steps)

    def undo(self, mark: int) -> None:
        """Take back what was decided since then."""
        while len(self._steps) > mark:
            key, before, keys = self._steps.pop()
            self._unwritten[key].pop()
            recent = self._recents[key]
            if keys is not None:
                recent.take_back(keys)
            if before is None:
                del self._recents[key]
            else:
                recent.to = before

    def take_unwritten(self) -> Iterator[tuple[OutRecord, list[Guard]]]:
        """Yield what is to be written, each with what was stopped by it; from then on it cannot be taken back."""
        unwritten, self._unwritten = self._unwritten, {}
        self._steps.clear()
        self._make_room()
        for key, decisions in unwritten.items():
            for first in range(0, len(decisions), MOST_IN_RECORD):
                yield _record(key, decisions[first : first + MOST_IN_RECORD])

    def _make_room(self) -> None:
        """Forget what there is too much of, of the trunks that hold the most."""
        if self._added * LOOKS < self._most:
            return
        self._added, held, wanted = 0, self.held, int(self._most * ROOM)
        while held > wanted:
            bar = max(map(len, self._recents.values())) * 3 // 4
            forgotten = sum([it.shrink(bar) for it in self._recents.values()])
            held -= forgotten
            self.forgotten += forgotten


def _record(key: Key, decisions: Sequence[tuple[Position, Any]]) -> tuple[OutRecord, list[Guard]]:
    (partition, trunk_id), to = key, decisions[-1][0]
    stopped = [(position, it) for position, it in decisions if type(it) is Stop]
    record = UncheckedScreening(
        trunk_id=trunk_id,
        screened_to=UncheckedPlace(offset=to.offset, message=to.message),
        at_ms=to.at_ms,
        passed=tuple([it for _, it in decisions if type(it) is UncheckedPassed]) or None,
        stopped=tuple(
            [
                UncheckedStopped(offset=position.offset, message=position.message, **it._asdict())
                for position, it in stopped
            ]
        )
        or None,
    )
    written = OutRecord(SCREENED, trunk_id.encode(), encode(record), partition=partition)
    return written, [it.guard for _, it in stopped]
