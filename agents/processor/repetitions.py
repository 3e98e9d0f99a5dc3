"""Which submissions of a batch are not the first under their Idempotency-Key; those are not sent.

Asked before anything is written, and with the topic read beyond the batch: a replay gets the same verdicts.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, Protocol

from pipeline.errors import BrokerUnreachable, Refused, SmsoutError
from pipeline.idempotency.keys import Keyed, Verdict, keyed_submissions, may_hold_key
from pipeline.metrics import IDEMPOTENCY
from schemas.record import InRecord

Unheld = Mapping[int, Verdict]
"""Of one record: the elements that do not hold their key, and what they are."""

_NONE: Final[Unheld] = {}
_counters: Final = {verdict: IDEMPOTENCY.labels("processor", verdict.name.lower()) for verdict in Verdict}


class Claims(Protocol):
    """What is used of `ClaimsView`."""

    def judge(self, keyed: Keyed) -> Verdict:
        """Return what a submission is that lies before what is read."""

    def catch_up(self, targets: Mapping[int, int]) -> Awaitable[None]:
        """Read the partitions up to the given offsets."""


class Repetitions:
    """Tells. `limit_seconds`: how long the broker may take to show what it has."""

    def __init__(self, claims: Claims, limit_seconds: float) -> None:
        self._claims = claims
        self._limit = limit_seconds

    async def unheld(self, records: Sequence[InRecord]) -> list[Unheld | Exception]:
        """Return for each record which of its submissions are not to be sent, or why that cannot be told of it.

        Raises `BrokerUnreachable`, and `StateLost` when it cannot be told before the process starts again.
        """
        # A partition's records come in order: the last one counts.
        ends = {record.partition: record.offset + 1 for record in records if may_hold_key(record.value)}
        if not ends:
            return [_NONE] * len(records)
        try:
            async with asyncio.timeout(self._limit):
                await self._claims.catch_up(ends)
        except TimeoutError as error:
            raise BrokerUnreachable(f"the keys cannot be read within {self._limit:g} s", stage="processor") from error
        return [self._of(record) for record in records]

    def _of(self, record: InRecord) -> Unheld | Exception:
        try:
            return self._unheld(record)
        except Refused as error:
            return error
        except SmsoutError:
            raise
        except Exception as error:  # noqa: BLE001  # over this record, which is set aside; its neighbours go on
            return error

    def _unheld(self, record: InRecord) -> Unheld:
        unheld = {}
        for keyed in keyed_submissions(record.partition, record.offset, record.timestamp_ms, record.value):
            verdict = self._claims.judge(keyed)
            _counters[verdict].inc()
            if verdict is not Verdict.HOLDS:
                unheld[keyed.submission.element] = verdict
        return unheld
