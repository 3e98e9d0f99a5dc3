"""What has lately gone out of trunks and accounts with a guard, and what was decided about what may come again.

Who works on a partition of `sms.mt.submitted` knows it of the trunks in there: what it decides itself, and before that
what the topic of screenings says. Of an account with a guard it knows what others let out elsewhere, too. It takes
bounded memory: when there is too much, those who hold the most forget what they have known for longest, so a flood
shortens its own memory. That stops less, never more.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

from pipeline.limits.counts import Key, Position
from pipeline.limits.guards import Guarded, Stop
from pipeline.limits.recent import Keys, Recent
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
"""Entries that are held, one for each message, guard, and who has it: up to 100 MB. A look may find some more."""
ROOM: Final = 7 / 8
"""How much of it is left when there are too many."""
LOOKS: Final = 32
"""How often there is a look while so many come."""
MOST_IN_RECORD: Final = 2000
"""Messages of one record: about 250 kB."""


class _Step(NamedTuple):
    """A message that was screened: how far its trunk and account were before, and where it counts if it went out."""

    key: Key
    before: Position | None
    told_before: Position | None
    keys: Keys | None
    recents: tuple[Recent, ...]


class Screens:
    """All of it. What is decided here can be taken back until it is written."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._screened_to: dict[Key, Position] = {}
        self._told_to: dict[Key, Position] = {}
        """How far it is counted of the account what has gone out of a trunk."""
        self._recents: dict[str, Recent] = {}
        self._decided: dict[int, dict[tuple[int, int], Stop]] = {}
        self._steps: list[_Step] = []
        self._unwritten: dict[Key, list[tuple[Position, Any]]] = {}
        self._accounts: dict[Key, str] = {}
        self._added = 0
        self.forgotten = 0
        """Entries for which there was no room."""

    def __len__(self) -> int:
        return len(self._screened_to)

    @property
    def held(self) -> int:
        """Entries."""
        return sum(map(len, self._recents.values()))

    @property
    def has_unwritten(self) -> bool:
        """Whether anything is decided that is not written."""
        return bool(self._steps)

    # What is known

    def screened_to(self, partition: int, trunk_id: str) -> Position | None:
        """Return how far a trunk has been screened in a partition."""
        return self._screened_to.get((partition, trunk_id))

    def recent(self, owner: str) -> Recent:
        """Return what has lately gone out of a trunk or an account."""
        found = self._recents.get(owner)
        if found is None:
            found = self._recents[owner] = Recent()
        return found

    def decided(self, partition: int, position: Position) -> Stop | None:
        """Return by what a message was stopped that has been screened before, None where it was not."""
        known = self._decided.get(partition)
        return None if known is None else known.get(position[:2])

    def take_over(self, partition: int) -> None:
        """Forget what was decided in a partition: what of it can come again is to be learned anew."""
        self._decided[partition] = {}

    def learn(self, partition: int, record: Screening, first_offset: int) -> None:
        """Take in what the topic says of a partition that is worked on here.

        What may come again begins with the submissions' `first_offset`.
        """
        self._learn(self._screened_to, partition, record, record.trunk_id, tuple(Guard))
        if record.account_id is not None:
            self._learn(self._told_to, partition, record, record.account_id, tuple(Guard))
        decided = self._decided.setdefault(partition, {})
        for it in record.stopped or ():
            if it.offset >= first_offset:
                decided[it.offset, it.message] = Stop(it.guard, it.messages, it.minutes, bool(it.of_account))
        self._make_room()

    def learn_elsewhere(self, partition: int, record: Screening, guarded: Guarded) -> None:
        """Take in what the topic says of an account, whoever works on the partition."""
        recent = self.recent(guarded.owner)
        for stop in guarded.stops:
            recent.window(stop.guard).span_ms = stop.span_ms
        self._learn(self._told_to, partition, record, guarded.owner, guarded.guards)
        self._make_room()

    def _learn(
        self, reached: dict[Key, Position], partition: int, record: Screening, owner: str, guards: Collection[Guard]
    ) -> None:  # fmt: skip
        """Count of `owner` what has passed since it was `reached`."""
        recent, key = self.recent(owner), (partition, record.trunk_id)
        known = reached.get(key)
        for passed in record.passed or ():
            # An owner before this one may have written late what another one has decided, too.
            if known is None or not Position(passed.offset, passed.message, passed.at_ms).is_up_to(known):
                recent.add(Keys.of(passed.number, passed.text), passed.at_ms, guards)
                self._added += len(guards)
        to = Position(record.screened_to.offset, record.screened_to.message, record.at_ms)
        if known is None or not to.is_up_to(known):
            reached[key] = to

    # Screening

    def let_out(
        self, key: Key, position: Position, number: str, text: str | None, guarded: Sequence[Guarded]
    ) -> None:  # fmt: skip
        """Note that a message goes out."""
        keys = Keys.of(number, text)
        recents = tuple([self.recent(it.owner) for it in guarded])
        passed = UncheckedPassed(
            offset=position.offset, message=position.message, at_ms=position.at_ms, number=number, text=text
        )
        self._decide(key, position, passed, keys, recents)
        for it, recent in zip(guarded, recents, strict=True):
            recent.add(keys, position.at_ms, it.guards)
            self._added += len(it.stops)
            if it.is_account:
                self._accounts[key] = it.owner
                self._told_to[key] = position

    def stop(self, key: Key, position: Position, stop: Stop) -> None:
        """Note that a message is stopped."""
        self._decide(key, position, stop)

    def pass_over(self, key: Key, position: Position) -> None:
        """Note that a message is not stopped here, and does not go out either."""
        self._decide(key, position, None)

    def _decide(
        self, key: Key, position: Position, decision: Any, keys: Keys | None = None, recents: tuple[Recent, ...] = ()
    ) -> None:  # fmt: skip
        self._steps.append(_Step(key, self._screened_to.get(key), self._told_to.get(key), keys, recents))
        self._unwritten.setdefault(key, []).append((position, decision))
        self._screened_to[key] = position

    def mark(self) -> int:
        """Return a mark to go back to."""
        return len(self._steps)

    def undo(self, mark: int) -> None:
        """Take back what was decided since then."""
        while len(self._steps) > mark:
            key, before, told_before, keys, recents = self._steps.pop()
            position, _ = self._unwritten[key].pop()
            if keys is not None:
                for recent in recents:
                    recent.take_back(keys, position.at_ms)
            for known, to in ((self._screened_to, before), (self._told_to, told_before)):
                if to is not None:
                    known[key] = to
                else:
                    known.pop(key, None)

    def take_unwritten(self) -> Iterator[tuple[OutRecord, list[Guard]]]:
        """Yield what is to be written, each with what was stopped by it; from then on it cannot be taken back."""
        unwritten, self._unwritten = self._unwritten, {}
        accounts, self._accounts = self._accounts, {}
        self._steps.clear()
        self._make_room()
        for key, decisions in unwritten.items():
            for first in range(0, len(decisions), MOST_IN_RECORD):
                yield _record(key, accounts.get(key), decisions[first : first + MOST_IN_RECORD])

    def _make_room(self) -> None:
        """Forget what there is too much of, of those who hold the most."""
        if self._added * LOOKS < self._most:
            return
        self._added = 0
        for recent in self._recents.values():
            recent.forget_old()
        self._recents = {owner: it for owner, it in self._recents.items() if len(it)}
        held, wanted = self.held, int(self._most * ROOM)
        while held > wanted:
            bar = max(map(len, self._recents.values())) * 3 // 4
            forgotten = sum([it.shrink(bar) for it in self._recents.values()])
            held -= forgotten
            self.forgotten += forgotten


def _record(
    key: Key, account_id: str | None, decisions: Sequence[tuple[Position, Any]]
) -> tuple[OutRecord, list[Guard]]:
    (partition, trunk_id), to = key, decisions[-1][0]
    stopped = [(position, it) for position, it in decisions if type(it) is Stop]
    record = UncheckedScreening(
        trunk_id=trunk_id,
        account_id=account_id,
        screened_to=UncheckedPlace(offset=to.offset, message=to.message),
        at_ms=to.at_ms,
        passed=tuple([it for _, it in decisions if type(it) is UncheckedPassed]) or None,
        stopped=tuple(
            [
                UncheckedStopped(
                    offset=position.offset,
                    message=position.message,
                    guard=it.guard,
                    messages=it.messages,
                    minutes=it.minutes,
                    of_account=it.of_account or None,
                )
                for position, it in stopped
            ]
        )
        or None,
    )
    written = OutRecord(SCREENED, trunk_id.encode(), encode(record), partition=partition)
    return written, [it.guard for _, it in stopped]
