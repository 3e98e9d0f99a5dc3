"""What the books of a storm are held against, on books of one message each."""

from typing import Any

import pytest

from tests.storm.traffic import GIVES_UP, Sent
from tests.storm.verdict import WITHOUT_KEYS, judge

ID = "01a22a61-e30d-7ba6-a232-c21a88c4f3f6"
TEXT, NUMBER = "storm 000001 ", f"{GIVES_UP}5551234"
SENT = Sent(accepted={(TEXT, NUMBER): ID})


def post(query: str | None = None) -> dict[str, Any]:
    segment = f"{ID}:1"
    entry = {"idempotency_key": segment, "segment_id": segment, "message_id": ID, "text": TEXT, "destination": NUMBER}
    return entry if query is None else {**entry, "query": query}


def told(status: str = "Success", code: int | None = None, webhook_id: str = "1", **more: Any) -> dict[str, Any]:
    attributes = {"status": status, "code_id": code, "fragments_sent": int(status == "Success"), **more}
    return {"webhook_id": webhook_id, "body": {"id": ID, "attributes": attributes}}


@pytest.mark.parametrize(
    ("ledger", "callbacks", "letters", "broken"),
    [
        pytest.param([post()], [told()], {}, None, id="sent"),
        pytest.param([post()], [told(), told()], {}, None, id="called back twice"),
        pytest.param([post(), post()], [told()], {}, None, id="repeated with its key"),
        pytest.param([post(WITHOUT_KEYS)], [told("Failed", 6)], {ID: "in-doubt"}, None, id="given up"),
        pytest.param([post(WITHOUT_KEYS)] * 2, [told(possible_duplicate=True)], {}, None, id="repeated and flagged"),
        pytest.param([post(WITHOUT_KEYS)] * 2, [told()], {}, "sent 2 times", id="repeated in silence"),
        pytest.param([post(WITHOUT_KEYS), post()], [told()], {}, "sent 2 times", id="at both carriers"),
        pytest.param([], [told()], {}, "was not", id="said to be sent"),
        pytest.param([post()], [], {}, "no callback", id="not called back"),
        pytest.param([post()], [told(), told(webhook_id="2")], {}, "several webhook-ids", id="told under two ids"),
        pytest.param([post()], [told(), told("Failed", 6)], {ID: "in-doubt"}, "several ways", id="two ends"),
        pytest.param([post(WITHOUT_KEYS)], [told("Failed", 6)], {}, "without a dead letter", id="no dead letter"),
        pytest.param([post()], [told("Failed", 105)], {}, "Failed 105", id="failed"),
        pytest.param([{**post(), "idempotency_key": "x"}], [told()], {}, "with the key x", id="another key"),
        pytest.param([{**post(), "text": "storm 000002 "}], [told()], {}, "nobody has asked", id="another text"),
    ],
)
def test_a_broken_promise_is_seen_and_nothing_else_is(
    ledger: list[dict[str, Any]], callbacks: list[dict[str, Any]], letters: dict[str, str], broken: str | None
) -> None:
    found = judge(SENT, ledger, callbacks, letters).broken
    assert (broken is None and not found) or (broken is not None and any(broken in it for it in found)), found
