"""What the ends of messages leave behind in the metrics."""

from datetime import timedelta
from decimal import Decimal

import pytest
from prometheus_client import REGISTRY

from agents.delivery import figures as module
from agents.delivery.figures import Figures
from pipeline.carriers.decision import Progress, Stop, Success, Wait, failed
from schemas.status import CodeId
from tests.builders import CREATED, message, uuid, waiting_message

TRUNK, CARRIER = uuid(901), uuid(902)


def told(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"smsout_{metric}", labels) or 0.0


def test_a_success_leaves_its_time_its_segments_and_its_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three segments of a cent, two seconds after the message was accepted."""
    figures = Figures()
    before = told("accepted_to_end_seconds_sum", stage="to_carrier"), told("message_segments_sum")
    sent = message(3, trunk_id=TRUNK, carrier_id=CARRIER, price_per_segment=Decimal("0.01"), currency="EUR")
    monkeypatch.setattr(module, "time", lambda: (sent.accepted_at + timedelta(seconds=2)).timestamp())
    figures.ended(sent, Success(b"{}"))
    figures.report()
    figures.report()
    assert told("accepted_to_end_seconds_sum", stage="to_carrier") - before[0] == pytest.approx(2.0)
    assert told("message_segments_sum") - before[1] == 3
    assert told("spend_total", carrier=CARRIER, currency="EUR") == pytest.approx(0.03)
    assert told("trunk_messages_total", trunk=TRUNK, outcome="sent") == 1


def test_a_failure_leaves_its_code_and_no_time() -> None:
    """Times of what did not arrive would make carriers look slow."""
    figures, lost = Figures(), message(trunk_id=uuid(903))
    stop = Stop(1, None, CREATED, Progress(1, CREATED))
    before = [
        told("failed_messages_total", stage="delivery", code="all_attempts_failed"),
        told("accepted_to_end_seconds_count", stage="to_carrier"),
        told("messages_total", stage="delivery", outcome="settled"),
    ]
    figures.ended(lost, failed(lost, CodeId.ALL_ATTEMPTS_FAILED, "expired", stop))
    figures.report()
    after = [
        told("failed_messages_total", stage="delivery", code="all_attempts_failed"),
        told("accepted_to_end_seconds_count", stage="to_carrier"),
        told("messages_total", stage="delivery", outcome="settled"),
    ]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 0, 1]
    assert told("trunk_messages_total", trunk=uuid(903), outcome="failed") == 1


def test_what_waits_has_not_ended() -> None:
    """It is counted as waiting, and under no trunk."""
    figures, later = Figures(), message(trunk_id=uuid(904))
    before = told("messages_total", stage="delivery", outcome="waiting")
    figures.ended(later, Wait("sms.mt.retry.5s", waiting_message(later)))
    assert told("messages_total", stage="delivery", outcome="waiting") - before == 1
    assert REGISTRY.get_sample_value("smsout_trunk_messages_total", {"trunk": uuid(904), "outcome": "sent"}) is None
