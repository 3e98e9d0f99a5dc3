"""Messages of an account over the management API: what is scheduled, and taking it back."""

from datetime import timedelta

import pytest

from pipeline.errors import LogUnavailable, NotAcknowledged
from schemas.directory.people import PanelRole
from schemas.messages.cancel_request import CancelRequest
from schemas.topics import CANCEL_REQUESTED
from tests.unit.agents.panel.logged import logged, scheduled, wished
from tests.unit.agents.panel.office import OURS, Office, uuid
from tests.unit.agents.panel.site import call, key_for, running

ONE, OTHER, SENT, BULK = uuid(90), uuid(91), uuid(92), uuid(95)


@pytest.fixture
def waiting(office: Office) -> Office:
    """Two messages of one bulk that wait, and one that was sent."""
    scheduled(office, ONE, uuid(1), bulk_id=BULK)
    scheduled(office, OTHER, uuid(1), bulk_id=BULK, destination="13105557890")
    logged(office, SENT, uuid(1), OURS)
    return office


def wishes(office: Office) -> list[tuple[str, bytes | None, str, str, bool | None]]:
    found = [(it, CancelRequest.from_bytes(it.value or b"")) for it in office.producer.records]
    return [(it.topic, it.key, wish.trunk_id, wish.id, wish.bulk) for it, wish in found]


async def test_what_waits_is_listed(waiting: Office) -> None:
    """By its state or its bulk, with its time; what was never scheduled says nothing of it."""
    async with running(waiting) as site:
        key = key_for(waiting, PanelRole.READ_ONLY)
        for query in ("filter[status]=Scheduled", f"filter[bulk_id]={BULK}"):
            found = (await (await call(site, key, "GET", f"/v3/outbound_messages?{query}")).json())["data"]
            assert {it["id"] for it in found} == {ONE, OTHER}
            assert {it["attributes"]["status"] for it in found} == {"Scheduled"}
        at = waiting.now + timedelta(hours=1)
        assert found[0]["attributes"]["send_at"] == f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
        assert found[0]["attributes"]["bulk_id"] == BULK
        plain = (await (await call(site, key, "GET", f"/v3/outbound_messages/{SENT}")).json())["data"]["attributes"]
        assert not {"send_at", "bulk_id"} & plain.keys()


async def test_a_message_is_taken_back(waiting: Office) -> None:
    """The wish is what ingress would have written; the answer is the message as it is known; it is audited."""
    async with running(waiting) as site:
        key = key_for(waiting, PanelRole.MEMBER)
        answer = await call(site, key, "DELETE", f"/v3/outbound_messages/{ONE}")
        assert (answer.status, (await answer.json())["data"]["attributes"]["status"]) == (202, "Scheduled")
        assert wishes(waiting) == [(CANCEL_REQUESTED, uuid(1).encode(), uuid(1), ONE, None)]
        event = waiting.store.events[-1]
        assert (event.action, event.target, event.account_id) == ("message.cancel_requested", f"message:{ONE}", OURS)
        assert "15551234567" not in str(event)
        wished(waiting, ONE, uuid(1))
        told = (await (await call(site, key, "GET", f"/v3/outbound_messages/{ONE}/events")).json())["data"]
        assert [it["attributes"]["event"] for it in told] == ["accepted", "scheduled", "cancel_requested"]


async def test_a_bulk_is_taken_back(waiting: Office) -> None:
    """All of it with one wish; the answer says how many messages that are, and where they are listed."""
    async with running(waiting) as site:
        key = key_for(waiting, PanelRole.OPERATOR)
        answer = await call(site, key, "DELETE", f"/v3/bulk_outbound_messages/{BULK}")
        data = (await answer.json())["data"]
        assert (answer.status, data["id"], data["attributes"]) == (202, BULK, {"messages": 2, "scheduled": 2})
        assert wishes(waiting) == [(CANCEL_REQUESTED, uuid(1).encode(), uuid(1), BULK, True)]
        assert waiting.store.events[-1].action == "bulk.cancel_requested"
        listed = await (await call(site, key, "GET", data["links"]["self"])).json()
        assert {it["id"] for it in listed["data"]} == {ONE, OTHER}


async def test_nothing_is_taken_back_that_cannot_be_looked_up_or_written(waiting: Office) -> None:
    """503 each; nothing is asked for that is not recorded first."""
    async with running(waiting) as site:
        key = key_for(waiting, PanelRole.MEMBER)
        waiting.store.fails = True
        assert (await call(site, key, "DELETE", f"/v3/outbound_messages/{ONE}")).status == 503
        assert waiting.producer.records == []
        waiting.store.fails = False
        waiting.producer.failure = NotAcknowledged("silent")
        assert (await call(site, key, "DELETE", f"/v3/bulk_outbound_messages/{BULK}")).status == 503
        waiting.log.failure = LogUnavailable("away")
        assert (await call(site, key, "DELETE", f"/v3/outbound_messages/{ONE}")).status == 503
