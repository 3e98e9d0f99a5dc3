"""Callbacks of messages that bring a URL of their own, by the agent as a process against a real Apache Kafka."""

from pathlib import Path

import pytest
from standardwebhooks import Webhook

from tests.fakes.receiver import receiving
from tests.integration.callback_site import callback_agent, callback_site, new_status, new_trunk, until_received

pytestmark = pytest.mark.kafka


async def test_each_message_is_told_of_where_it_says(kafka: str, tmp_path: Path) -> None:
    """Signed with the trunk's secret; URLs that are gone or fail leave the trunk's own endpoint as it was."""
    async with callback_site(kafka) as site, receiving() as receiver:
        trunk = await site.add(new_trunk(receiver.url("/ok/own")))
        tenants = [
            new_status(trunk).model_copy(update={"callback_url": receiver.url(f"/ok/tenant{number}")})
            for number in range(20)
        ]
        bad = [
            new_status(trunk).model_copy(update={"callback_url": receiver.url(path)})
            for path in ("/gone", "/fail")
            for _ in range(10)
        ]
        usual = [new_status(trunk) for _ in range(20)]
        async with callback_agent(site, receiver, tmp_path / "log") as agent:
            await site.end(*bad, *tenants, *usual)
            own = await until_received(receiver, "/ok/own", len(usual))
            for number, status in enumerate(tenants):
                (one,) = await until_received(receiver, f"/ok/tenant{number}", 1)
                document = Webhook(trunk.callback_secrets[0].secret).verify(one.body, one.headers)
                assert document["data"]["id"] == status.message_id
            assert await agent.stop() == 0
    assert {it.headers["webhook-id"] for it in own} == {it.webhook_id for it in usual}
