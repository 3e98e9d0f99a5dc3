"""What only the panel tells the metrics: names beside ids, how many endpoints are disabled, which days are used up."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from heapq import nlargest
from itertools import islice
from typing import Final

from pipeline.directory.model import Directory
from pipeline.limits.counts import DayCounts
from pipeline.limits.use import day_uses
from pipeline.metrics import CARRIER, DAY_USED, DISABLED_ENDPOINTS, MOST_CARRIERS, MOST_TRUNKS, TRUNK
from schemas.directory.account import Account
from schemas.directory.carrier import Carrier
from schemas.directory.trunk import Trunk

LOOK_SECONDS: Final = 5.0


class DirectoryFigures:
    """Lets the metrics follow `directory`; as many names are shown as can have series of their own."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._version: int | None = None

    async def follow(self) -> None:
        """Look until cancelled."""
        while True:
            self.update()
            await asyncio.sleep(LOOK_SECONDS)

    def update(self) -> None:
        """Take over what the directory says now."""
        directory = self._directory
        if directory.version == self._version:
            return
        self._version = directory.version
        accounts = {it.id: it.name for it in directory.entries(Account)}
        trunks = [it for it in directory.entries(Trunk) if it.deleted_at is None]
        CARRIER.clear()
        for carrier in islice(directory.entries(Carrier), MOST_CARRIERS):
            CARRIER.labels(carrier.id, carrier.name).set(1)
        TRUNK.clear()
        for trunk in trunks[:MOST_TRUNKS]:
            TRUNK.labels(trunk.id, trunk.name, accounts.get(trunk.account_id, "")).set(1)
        DISABLED_ENDPOINTS.set(sum(it.callback_disabled_at is not None for it in trunks))


class DayFigures:
    """Lets the metrics follow how much of their days is used up; those of which most is, where there are too many."""

    def __init__(
        self, directory: Directory, counts: DayCounts, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._directory = directory
        self._counts = counts
        self._clock = clock

    async def follow(self) -> None:
        """Look until cancelled."""
        while True:
            self.update()
            await asyncio.sleep(LOOK_SECONDS)

    def update(self) -> None:
        """Take over how it is now."""
        DAY_USED.clear()
        today = self._clock().date()
        uses = [
            (float(use.ratio), ("trunk" if type(entry) is Trunk else "account", entry.id, entry.name, use.limit))
            for entry in self._directory.limited_by_day()
            for use in day_uses(self._counts, entry, today)
        ]
        for ratio, labels in nlargest(MOST_TRUNKS, uses):
            DAY_USED.labels(*labels).set(ratio)
