"""Follows `sms.callback.attempted`: keeps the newest attempts for people, and acts on an endpoint that is gone.

There is no group, and nothing is committed: what is read again changes nothing, because an endpoint is disabled only
by an attempt that is newer than the trunk's own record. A panel that was away for longer than it looks back has missed
a 410 at most until that endpoint's next attempt.
"""

import asyncio
from collections import OrderedDict
from typing import Final

import structlog

from agents.panel.operations.trunks.callbacks import Callbacks
from pipeline.errors import BrokerError, Refused
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.settings import KafkaSettings
from schemas.messages.callback import CallbackAttempt
from schemas.topics import CALLBACK_ATTEMPTED

LOOK_BACK_SECONDS: Final = 6 * 3600.0
LOOK_BACK_RECORDS: Final = 20_000  # of each partition: a start reads no more, however busy the time before it was
FETCH_BYTES: Final = 131_072  # half a second late, but seldom: a fetch for every few attempts costs more than they do
MAX_POSTPONED: Final = 10_000
AGAIN_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


class Attempts:
    """Tells `callbacks` how attempts went."""

    def __init__(self, kafka: KafkaSettings, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._postponed: OrderedDict[str, CallbackAttempt] = OrderedDict()
        """By trunk: what could not be written, because the broker was not there for it."""
        self._follower = TopicFollower(
            kafka, CALLBACK_ATTEMPTED, client_id="panel-attempts", grows=True, fetch_min_bytes=FETCH_BYTES
        )

    async def start(self) -> None:
        """Connect, and go back a little. Raises `BrokerUnreachable`, also when the topic does not exist."""
        await self._follower.start()
        await self._follower.look_back(seconds=LOOK_BACK_SECONDS, records=LOOK_BACK_RECORDS)

    async def follow(self) -> None:
        """Take attempts as they come, until cancelled."""
        again_at = 0.0
        while True:
            for record in await self._follower.take():
                gone = self._callbacks.attempts.note(record.value or b"")
                if gone is not None:
                    self._postpone(gone)
                    again_at = 0.0
            now = asyncio.get_running_loop().time()
            if self._postponed and now >= again_at:
                await self._disable()
                again_at = now + AGAIN_SECONDS

    def _postpone(self, attempt: CallbackAttempt) -> None:
        self._postponed[attempt.trunk_id] = attempt
        self._postponed.move_to_end(attempt.trunk_id)
        if len(self._postponed) > MAX_POSTPONED:
            self._postponed.popitem(last=False)

    async def _disable(self) -> None:
        for trunk_id, attempt in list(self._postponed.items()):
            try:
                disabled = await self._callbacks.disable(attempt)
            except Refused as error:  # the trunk breaks today's rules in some other way, so nobody can write it
                log.error("callback_not_disabled", trunk_id=trunk_id, error=str(error))
            except BrokerError as error:
                log.warning("callback_not_disabled_yet", trunk_id=trunk_id, error=repr(error))
                return
            else:
                if disabled:
                    log.info("callback_disabled", trunk_id=trunk_id, endpoint=attempt.endpoint)
            del self._postponed[trunk_id]

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()
