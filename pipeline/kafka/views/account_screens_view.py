"""Follows `sms.mt.screened` while an account has a limit by number: what is let out elsewhere counts for it here."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Self

from pipeline.kafka.views.screens_view import LOOK_BACK_RECORDS, screening_of
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.limits.guards import Guarded
from pipeline.limits.screens import Screens
from schemas.record import InRecord

LOOK_SECONDS: Final = 1.0
"""How often it is looked whether there is such an account."""
RECORDS_AT_ONCE: Final = 20  # of up to 2000 messages each: the event loop belongs to others in between

_TELLS_OF_AN_ACCOUNT: Final = b'"account_id"'


class AccountScreensView:
    """Keeps what `screens` know of accounts up with the topic, whoever works on its partitions.

    `guards_of` tells which limits an account has, `reach_seconds` how far back the longest window of any account goes:
    0 where none has one, and then nothing is fetched.
    """

    def __init__(
        self,
        follower: TopicFollower,
        screens: Screens,
        *,
        guards_of: Callable[[str], Guarded | None],
        reach_seconds: Callable[[], int],
    ) -> None:
        self._follower = follower
        self._screens = screens
        self._guards_of = guards_of
        self._reach_seconds = reach_seconds
        self._is_followed = False

    async def start(self) -> Self:
        """Connect, and read to the topic's end where an account has a limit.

        Raises `BrokerUnreachable`, also when the topic does not exist.
        """
        try:
            await self._follower.start()
            if await self._is_wanted():
                async for records in self._follower.read_to(await self._follower.ends(), at_once=RECORDS_AT_ONCE):
                    await self._apply(records)
        except BaseException:
            await self.stop()
            raise
        return self

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()

    async def follow(self) -> None:
        """Take in what comes, until cancelled."""
        while True:
            if await self._is_wanted():
                await self._apply(await self._follower.take(at_once=RECORDS_AT_ONCE))
            else:
                await asyncio.sleep(LOOK_SECONDS)

    async def _is_wanted(self) -> bool:
        reach_seconds = self._reach_seconds()
        if reach_seconds and not self._is_followed:
            await self._follower.look_back(seconds=reach_seconds, records=LOOK_BACK_RECORDS)
            self._follower.resume()
        elif self._is_followed and not reach_seconds:
            self._follower.pause()
        self._is_followed = bool(reach_seconds)
        return self._is_followed

    async def _apply(self, records: Sequence[InRecord]) -> None:
        for record in records:
            if record.value is None or _TELLS_OF_AN_ACCOUNT not in record.value:
                continue
            screening = screening_of(record)
            if screening is None or screening.account_id is None:
                continue
            guarded = self._guards_of(screening.account_id)
            if guarded is not None:
                self._screens.learn_elsewhere(record.partition, screening, guarded)
        await asyncio.sleep(0)  # what is fetched already comes without waiting
