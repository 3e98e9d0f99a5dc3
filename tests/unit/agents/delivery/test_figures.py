"""What the ends of messages leave behind in the metrics."""

import pytest
from prometheus_client import REGISTRY

from agents.delivery import figures as module
from agents.delivery.figures import Figures, Price
from schemas.messages.status import CodeId
from tests.builders import uuid

TRUNK, CARRIER = uuid(901), uuid(902)


def told(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"smsout_{metric}", labels) or 0.0


def test_a_success_leaves_its_time_its_segments_and_its_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three segments of a cent, two seconds after the message was accepted."""
    figures = Figures()
    before = told("accepted_to_end_seconds_sum", stage="to_carrier"), told("message_segments_sum")
    monkeypatch.setattr(module, "time", lambda: 1002.0)
    figures.sent(TRUNK, 3, 1000.0, Price(CARRIER, "EUR", 0.01))
    figures.report()
    figures.report()
    assert told("accepted_to_end_seconds_sum", stage="to_carrier") - before[0] == pytest.approx(2.0)
    assert told("message_segments_sum") - before[1] == 3
    assert told("spend_total", carrier=CARRIER, currency="EUR") == pytest.approx(0.03)
    assert told("trunk_messages_total", trunk=TRUNK, outcome="sent") == 1


def test_a_failure_leaves_its_code_and_no_time() -> None:
    """Times of what did not arrive would make carriers look slow."""
    figures = Figures()
    before = [
        told("failed_messages_total", stage="delivery", code="all_attempts_failed"),
        told("accepted_to_end_seconds_count", stage="to_carrier"),
        told("messages_total", stage="delivery", outcome="settled"),
    ]
    figures.failed(uuid(903), CodeId.ALL_ATTEMPTS_FAILED)
    figures.report()
    after = [
        told("failed_messages_total", stage="delivery", code="all_attempts_failed"),
        told("accepted_to_end_seconds_count", stage="to_carrier"),
        told("messages_total", stage="delivery", outcome="settled"),
    ]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 0, 1]
    assert told("trunk_messages_total", trunk=uuid(903), outcome="failed") == 1


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_waits_has_not_ended(elsewhere: bool) -> None:
    """It is counted as waiting, and as failed over when another carrier is next."""
    outcomes = ("waiting", "failed_over", "settled")
    before = [told("messages_total", stage="delivery", outcome=it) for it in outcomes]
    figures = Figures()
    figures.waits(elsewhere=elsewhere)
    figures.report()
    after = [told("messages_total", stage="delivery", outcome=it) for it in outcomes]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, int(elsewhere), 0]
