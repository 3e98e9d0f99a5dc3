"""What the ends of messages leave behind in the metrics: a number each, which are counted together every second."""

from collections import Counter
from time import time
from typing import NamedTuple

from pipeline.metrics import END_TO_END, FAILURES, MESSAGES, SEGMENTS, SPEND, TRUNK_MESSAGES
from schemas.messages.status import CodeId

_settled = MESSAGES.labels("delivery", "settled")
_waiting = MESSAGES.labels("delivery", "waiting")
_failed_over = MESSAGES.labels("delivery", "failed_over")
_canceled = MESSAGES.labels("delivery", "canceled")
_failures = {code: FAILURES.labels("delivery", code.name.lower()) for code in CodeId}
_to_carrier = END_TO_END.labels("to_carrier")
_segments = SEGMENTS.labels()


class Price(NamedTuple):
    """What a segment costs at a carrier, in a currency; empty where the route names none."""

    carrier_id: str
    currency: str
    per_segment: float


class Figures:
    """Counts ends."""

    def __init__(self) -> None:
        self._settled = 0
        self._spend: Counter[Price] = Counter()

    def waits(self, *, elsewhere: bool) -> None:
        """Note that a message waits for another attempt, with `elsewhere` by another carrier."""
        _waiting.inc()
        if elsewhere:
            _failed_over.inc()

    def failed(self, trunk_id: str, code: CodeId | None) -> None:
        """Note that a message of a trunk has failed."""
        self._settled += 1
        TRUNK_MESSAGES.add(trunk_id, "failed")
        if code is not None:
            _failures[code].inc()

    def canceled(self) -> None:
        """Note that a message was cancelled in time."""
        self._settled += 1
        _canceled.inc()

    def sent(self, trunk_id: str, segments: int, accepted_at: float, spent_on: Price | None) -> None:
        """Note that a message of a trunk, accepted at that time (Unix, seconds), has got through."""
        self._settled += 1
        _to_carrier.observe(max(0.0, time() - accepted_at))  # clocks are put back
        _segments.observe(segments)
        TRUNK_MESSAGES.add(trunk_id, "sent")
        if spent_on is not None:
            self._spend[spent_on] += segments

    def report(self) -> None:
        """Bring the metrics up to date."""
        _settled.inc(self._settled)
        self._settled = 0
        for (carrier_id, currency, price), segments in self._spend.items():
            SPEND.labels(carrier_id, currency).inc(price * segments)
        self._spend.clear()
