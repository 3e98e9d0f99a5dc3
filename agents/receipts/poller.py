"""Asks carriers that do not report by themselves what became of what they have taken.

When somebody is to be asked is known to `gather`, and kept in its topic. A question that fails, or dies with its
process, is asked again when its time comes once more; what is reported is written to `sms.dlr.unmatched`, as what a
carrier pushes under an id of its own. Each carrier has places of its own, so that one that hangs holds nobody else up.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import structlog

from pipeline.carriers.asking import ask
from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.carriers.receipt import ReceiptReport
from pipeline.directory.model import Directory
from pipeline.errors import AddressNotAllowed, BadReceipt, CarrierUnusable, Inexpressible, PostFailed
from pipeline.http.client import HttpPoster
from pipeline.metrics import RECEIPT_POLLS
from schemas.directory.carrier import Carrier
from schemas.messages.dlr import ExpectedReceipt, UnmatchedReceipt, carrier_key
from schemas.record import OutRecord
from schemas.topics import DLR_UNMATCHED

AT_ONCE: Final = 4  # questions to one carrier
MOST_WAITING: Final = 200  # for one carrier: what finds no room is asked for a little later

log = structlog.get_logger(__name__)
_reported, _nothing_yet, _failed = (RECEIPT_POLLS.labels(it) for it in ("reported", "nothing_yet", "failed"))


class Bound(Protocol):
    """What is used of `BoundCarriers`."""

    def of(self, carrier: Carrier) -> BoundCarrier:
        """Return a carrier with its profile. Raises `CarrierUnusable`."""


class Poller:
    """Asks. `spawn` makes a task in the group of the agent that runs."""

    def __init__(
        self,
        directory: Directory,
        carriers: Bound,
        poster: HttpPoster,
        write: Callable[[Iterable[OutRecord]], Awaitable[object]],
        spawn: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"],
    ) -> None:
        self._directory = directory
        self._carriers = carriers
        self._poster = poster
        self._write = write
        self._spawn = spawn
        self._places: dict[str, asyncio.Semaphore] = {}
        self._waiting: Counter[str] = Counter()
        self.asking: set[asyncio.Task[None]] = set()

    def every(self, carrier_id: str) -> timedelta | None:
        """Return how long after a POST a carrier is asked; None for one that reports by itself, or does not work."""
        bound = self._bound(carrier_id)
        return None if bound is None else bound.profile.polled_every

    def has_room(self, carrier_id: str) -> bool:
        """Tell whether one more question to a carrier can wait."""
        return self._waiting[carrier_id] < MOST_WAITING

    def ask(self, expected: ExpectedReceipt) -> None:
        """Ask in the background; what is reported comes as a record."""
        self._waiting[expected.carrier_id] += 1
        task = self._spawn(self._ask(expected))
        self.asking.add(task)
        task.add_done_callback(self.asking.discard)

    def _bound(self, carrier_id: str) -> BoundCarrier | None:
        carrier = self._directory.carrier(carrier_id)
        try:
            return None if carrier is None else self._carriers.of(carrier)
        except CarrierUnusable:
            return None  # delivery tells of it

    async def _ask(self, expected: ExpectedReceipt) -> None:
        """Ask, and write what is reported. Raises `NotAcknowledged`."""
        carrier_id = expected.carrier_id
        try:
            async with self._places.setdefault(carrier_id, asyncio.Semaphore(AT_ONCE)):
                records = await self._answered(expected)
                if records:
                    await self._write(records)
        finally:
            self._waiting[carrier_id] -= 1

    async def _answered(self, expected: ExpectedReceipt) -> list[OutRecord]:
        bound = self._bound(expected.carrier_id)
        try:
            request = None if bound is None else bound.poll(expected)
            if bound is None or request is None:
                return []
            reports = bound.read_poll(await ask(self._poster, request, tls=bound.tls))
        except (PostFailed, BadReceipt, Inexpressible, AddressNotAllowed) as error:
            _failed.inc()
            log.warning("poll_failed", carrier_id=expected.carrier_id, error=str(error))
            return []
        records = list(_records(expected, reports))
        (_reported if records else _nothing_yet).inc()
        return records


def _records(expected: ExpectedReceipt, reports: Iterable[ReceiptReport]) -> Iterator[OutRecord]:
    """Iterate over what is final; anything else is asked for again."""
    now = datetime.now(UTC)
    for report in reports:
        if not report.state.is_final:
            continue
        identity = report.carrier_message_id or expected.carrier_message_id
        receipt = UnmatchedReceipt(
            carrier_id=expected.carrier_id, carrier_message_id=identity, state=report.state,
            error_code=report.error_code, done_at=report.done_at, received_at=now,
        )  # fmt: skip
        yield OutRecord(DLR_UNMATCHED, carrier_key(expected.carrier_id, identity), receipt.to_bytes())
