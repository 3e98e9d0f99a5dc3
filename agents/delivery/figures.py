"""What the ends of messages leave behind in the metrics: a number each, which are counted together every second."""

from collections import Counter
from time import time

from pipeline.carriers.decision import Success, Wait
from pipeline.metrics import END_TO_END, FAILURES, MESSAGES, SEGMENTS, SPEND, TRUNK_MESSAGES
from schemas.mt_message import MtMessage
from schemas.status import CodeId, MessageStatus

_settled = MESSAGES.labels("delivery", "settled")
_waiting = MESSAGES.labels("delivery", "waiting")
_failed_over = MESSAGES.labels("delivery", "failed_over")
_failures = {code: FAILURES.labels("delivery", code.name.lower()) for code in CodeId}
_to_carrier = END_TO_END.labels("to_carrier")
_segments = SEGMENTS.labels()


class Figures:
    """Counts ends."""

    def __init__(self) -> None:
        self._settled = 0
        self._spend: Counter[tuple[str, str, float]] = Counter()

    def ended(self, message: MtMessage, outcome: Success | MessageStatus | Wait) -> None:
        """Note what has become of a message, now."""
        if isinstance(outcome, Wait):
            _waiting.inc()
            if outcome.waiting.message.carrier_id != message.carrier_id:
                _failed_over.inc()
            return
        self._settled += 1
        if isinstance(outcome, MessageStatus):
            TRUNK_MESSAGES.add(message.trunk_id, "failed")
            if outcome.code_id is not None:
                _failures[outcome.code_id].inc()
            return
        count = len(message.segments)
        _to_carrier.observe(time() - message.accepted_at.timestamp())
        _segments.observe(count)
        TRUNK_MESSAGES.add(message.trunk_id, "sent")
        if message.price_per_segment:
            self._spend[message.carrier_id, message.currency or "", float(message.price_per_segment)] += count

    def report(self) -> None:
        """Bring the metrics up to date."""
        _settled.inc(self._settled)
        self._settled = 0
        for (carrier_id, currency, price), segments in self._spend.items():
            SPEND.labels(carrier_id, currency).inc(price * segments)
        self._spend.clear()
