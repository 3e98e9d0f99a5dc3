"""Follows `sms.opted-out` into memory: from its start before an agent is ready, then as it changes."""

from collections.abc import Sequence

import structlog

from pipeline.errors import UnreadableRecord
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.kafka.views.topic_view import TopicView
from pipeline.opt_outs import OptOuts
from pipeline.settings import KafkaSettings
from schemas.record import InRecord
from schemas.topics import OPTED_OUT

log = structlog.get_logger(__name__)


class OptOutsView(TopicView):
    """Keeps `held` equal to the topic."""

    def __init__(self, kafka: KafkaSettings, held: OptOuts, *, client_id: str) -> None:
        super().__init__(TopicFollower(kafka, OPTED_OUT, client_id=client_id, fetch_max_wait_ms=500))
        self._held = held

    def apply(self, records: Sequence[InRecord]) -> None:
        """Take in records."""
        for record in records:
            try:
                self._held.apply(record.key, record.value)
            except UnreadableRecord as error:
                log.error("opt_out_unreadable", offset=record.offset, error=str(error))
