"""Several notifications in one document: each as it would be alone, with its id, and never more than fit."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.callbacks.batch import (
    GATHERING,
    MAX_BYTES,
    MAX_EVENTS,
    TOGETHER_ATTEMPTS,
    document_of,
    event_of,
    gathers,
    id_of,
    part_of,
)
from pipeline.callbacks.notification import body_of
from schemas.directory.callback_options import CallbackOptions
from schemas.directory.trunk import Trunk
from schemas.identifiers import uuid7
from schemas.messages.status import MessageStatus, StatusStage
from tests.builders import status, trunk


def batching(*, batch: bool | None = True) -> Trunk:
    return trunk(callbacks=CallbackOptions(batch=batch))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"stage": StatusStage.DELIVERY, "status": "DELIVERED"},
        {"client_reference": 'a "quoted" }} é', "tags": ("x", "y")},
        {"price_per_segment": Decimal("0.0105"), "currency": "USD"},
    ],
)
def test_an_event_is_a_single_callbacks_data_with_its_id(changes: dict[str, Any]) -> None:
    """Of every kind of status, whatever its texts hold."""
    told = status(**changes)
    [event] = json.loads(document_of([event_of(told)]))["data"]
    assert event.pop("meta") == {"webhook_id": told.webhook_id}
    assert {"data": event} == json.loads(body_of(told))


@given(st.lists(st.text(max_size=20), min_size=1, max_size=MAX_EVENTS))
def test_a_document_has_all_of_them_in_their_order(references: list[str]) -> None:
    """Whatever stands in them."""
    statuses = [status(message_id=uuid7(), client_reference=it) for it in references]
    found = json.loads(document_of(map(event_of, statuses)))["data"]
    assert [it["attributes"]["client_reference"] for it in found] == references
    assert [it["meta"]["webhook_id"] for it in found] == [it.webhook_id for it in statuses]


def test_as_many_as_may_gather_fit() -> None:
    """To the byte: as many events as there may be, as long as they may be together."""
    length, more = divmod(GATHERING.size, GATHERING.items)
    events = [b"x" * (length + (n < more)) for n in range(GATHERING.items)]
    assert GATHERING.items == MAX_EVENTS
    assert len(document_of(events)) == MAX_BYTES - 1


def test_the_same_events_are_the_same_batch() -> None:
    """So one that is repeated as it was can be told by the id of the POST too; any other has another."""
    assert id_of(["a", "b"]) == id_of(["a", "b"])
    assert len({id_of(it) for it in (["a", "b"], ["b", "a"], ["a"], ["ab"], ["a", "b", "c"])}) == 5
    assert id_of(["a"]).endswith(".batch")


def test_what_goes_to_one_url_is_together_until_it_has_failed_twice() -> None:
    """A message's own URL has batches of its own; what may be what an endpoint cannot take goes alone."""
    own, other = status(), status(callback_url="https://tenant.example/")

    def batch(of: MessageStatus, attempt: int) -> str | None:
        part = part_of(batching(), of, attempt)
        assert part is not None
        assert part.content == event_of(of)
        return part.batch

    assert [batch(own, 1), batch(own, TOGETHER_ATTEMPTS), batch(own, TOGETHER_ATTEMPTS + 1)] == ["", "", None]
    assert batch(other, 1) == "https://tenant.example/"


@pytest.mark.parametrize("told", [batching(batch=None), batching(batch=False), trunk()])
def test_nothing_gathers_for_those_that_have_not_chosen_it(told: Trunk) -> None:
    """Not, no, or nothing said."""
    assert (gathers(told), part_of(told, status(), 1)) == (False, None)


def test_what_cannot_be_told_is_in_no_batch() -> None:
    """It waits by itself, and ends by itself."""
    assert part_of(batching(), status(accepted_at=datetime.fromisoformat("0001-01-01T00:00:00+14:00")), 1) is None
