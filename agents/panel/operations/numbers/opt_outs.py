"""Opt-outs: the numbers to which an account sends nothing."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final, NamedTuple

from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.access import Access
from agents.panel.operations.entries.audit_trail import AuditTrail, audit_record
from agents.panel.operations.entries.paging import FIRST_PAGE, MAX_SIZE, Paging, Slice
from agents.panel.operations.errors import NotFound
from agents.panel.operations.numbers.numbers_csv import MAX_PROBLEMS, parse_opt_outs
from agents.panel.operations.ports import Clock, Producer
from pipeline.errors import RuleViolated
from pipeline.opt_outs import ListedOptOut
from schemas.address import MSISDN
from schemas.opt_out import OptOut, opt_out_key
from schemas.record import OutRecord
from schemas.topics import OPTED_OUT

AT_ONCE: Final = 5000  # records in one write
OPT_OUT_ORDERS: Final = ("number",)


class OptOutImport(NamedTuple):
    """What an import did."""

    added: int
    unchanged: int


class OptOutLists:
    """The lists of accounts. What is written is in force when the agents that decide have read it: within a second."""

    def __init__(self, access: Access, trail: AuditTrail, producer: Producer, clock: Clock) -> None:
        self._access = access
        self._trail = trail
        self._producer = producer
        self._clock = clock

    def owner(self, actor: Actor, account_id: str | None) -> str:
        """Return the account whose list is meant. Raises `RuleViolated` when an operator names none of several."""
        actor.must(Permission.SEE)
        return self._access.one_account(actor, account_id)

    def list(
        self, actor: Actor, *, number: str = "", account_id: str | None = None, paging: Paging = FIRST_PAGE
    ) -> Slice[ListedOptOut]:
        """Return the numbers that begin with the digits of `number`, short ones first."""
        actor.must(Permission.SEE)
        owner, held = self._access.one_account(actor, account_id), self._access.directory.opt_outs
        page, size = max(1, paging.number), min(max(1, paging.size), MAX_SIZE)
        found = held.some(owner, number, first=(page - 1) * size, most=size)
        return Slice(tuple(found), held.count(owner, number), page, size)

    def all(self, actor: Actor, account_id: str | None = None) -> Iterator[Sequence[ListedOptOut]]:
        """Iterate over a whole list in parts, each as it is by then."""
        actor.must(Permission.SEE)
        return self._parts(self._access.one_account(actor, account_id))

    def _parts(self, owner: str) -> Iterator[Sequence[ListedOptOut]]:
        for first in count(0, AT_ONCE):
            part = tuple(self._access.directory.opt_outs.some(owner, first=first, most=AT_ONCE))
            yield part
            if len(part) < AT_ONCE:
                return

    def get(self, actor: Actor, number: str, account_id: str | None = None) -> ListedOptOut:
        """Return what is known of a number that has opted out. Raises `NotFound`."""
        actor.must(Permission.SEE)
        owner, held = self._access.one_account(actor, account_id), self._access.directory.opt_outs
        if MSISDN.fullmatch(number) is None or not held.has(owner, number):
            raise NotFound("This number has not opted out.")
        return next(it for it in held.some(owner, number, most=1))

    async def add(self, actor: Actor, number: str, account_id: str | None = None) -> ListedOptOut:
        """Put a number on the list; one that is there stays as it is. Raises `RuleViolated`, `BrokerError`."""
        actor.must(Permission.MANAGE_OPT_OUTS)
        owner = self._access.one_account(actor, account_id)
        if MSISDN.fullmatch(number) is None:
            raise RuleViolated([("number", "must be a phone number with its country code, like 12125551234")])
        if not self._access.directory.opt_outs.has(owner, number):
            await self._put(owner, [number], beside=[self._event(actor, "optout.added", owner, number)])
        return self.get(actor, number, owner)

    async def remove(self, actor: Actor, number: str, account_id: str | None = None) -> None:
        """Take a number off the list. Raises `NotFound`, `BrokerError`."""
        actor.must(Permission.MANAGE_OPT_OUTS)
        owner = self._access.one_account(actor, account_id)
        self.get(actor, number, owner)
        event = self._event(actor, "optout.removed", owner, number)
        await self._producer.write([OutRecord(OPTED_OUT, opt_out_key(owner, number), None), event])
        self._access.directory.opt_outs.remove(owner, number)

    async def import_csv(self, actor: Actor, account_id: str | None, text: str) -> OptOutImport:
        """Put the numbers of a CSV text on the list.

        Raises `RuleViolated` with every line that is wrong, and nothing is written; and `BrokerError`, after which some
        may be there: importing the same file again adds the rest.
        """
        actor.must(Permission.MANAGE_OPT_OUTS)
        owner, held = self._access.one_account(actor, account_id), self._access.directory.opt_outs
        wanted, problems = parse_opt_outs(text)
        if problems:
            raise RuleViolated(problems[:MAX_PROBLEMS])
        new = [number for number in wanted if not held.has(owner, number)]
        beside = [self._event(actor, "optout.imported", owner, f"{len(new):,} numbers")]
        for first in range(0, len(new), AT_ONCE):
            await self._put(owner, new[first : first + AT_ONCE], beside=beside)
            beside = []
        return OptOutImport(len(new), len(wanted) - len(new))

    async def _put(self, owner: str, numbers: Sequence[str], *, beside: Sequence[OutRecord]) -> None:
        at, held = self._clock(), self._access.directory.opt_outs
        records = [OptOut(account_id=owner, number=it, opted_out_at=at) for it in numbers]
        await self._producer.write(
            [*(OutRecord(OPTED_OUT, opt_out_key(owner, it.number), it.to_bytes()) for it in records), *beside]
        )
        for it in numbers:  # and not only when it has come back from the topic: who has added it wants to see it
            held.add(owner, it, at)

    def _event(self, actor: Actor, action: str, owner: str, about: str) -> OutRecord:
        return audit_record(self._trail.event(actor, action, account_id=owner, target_name=about))
