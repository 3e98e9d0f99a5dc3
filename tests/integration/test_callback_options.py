"""Trunks' own ways of being called back, by the callback agent as a process against a real Apache Kafka."""

from pathlib import Path
from typing import Final

import pytest
from standardwebhooks import Webhook

from pipeline.directory.callback_secrets import CallbackSealer, with_secrets
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
from schemas.directory.trunk import Trunk
from tests.fakes.certificates import Authority
from tests.fakes.receiver import receiving
from tests.integration.callback_site import (
    CallbackSite,
    callback_agent,
    new_status,
    new_trunk,
    until_received,
)

pytestmark = pytest.mark.kafka

OURS: Final = Authority("of the endpoint and its clients")


async def test_an_endpoint_of_its_own_authority_sees_certificate_token_and_headers(
    site: CallbackSite, tmp_path: Path
) -> None:
    """Whoever shows no certificate, or another authority's, does not get in; and what is not chosen is not posted."""
    keys, client, stranger = tmp_path / "callback-keys", OURS.issue("smsout"), Authority().issue("smsout")
    sealer = CallbackSealer.from_file(keys, make=True)

    async with receiving(OURS.server_context(tmp_path)) as receiver:

        async def add(path: str, options: CallbackOptions, **secrets: str) -> Trunk:
            trunk = new_trunk(receiver.url(path))
            told = with_secrets(trunk.id, options, secrets, sealer)
            return await site.add(trunk.model_copy(update={"callbacks": told}))

        known = CallbackOptions(
            ca=OURS.pem, client_certificate=client.certificate, headers={"X-Environment": "test"},
            events=(CallbackEvent.SENT,),
        )  # fmt: skip
        shown = await add("/ok/shown", known, client_key=client.key, token="secret-token")
        unknown = known.model_copy(update={"client_certificate": stranger.certificate})
        refused = await add("/ok/refused", unknown, client_key=stranger.key)
        anonymous = await add("/ok/anonymous", CallbackOptions(ca=OURS.pem))
        distrusting = await add("/ok/distrusting", known.model_copy(update={"ca": None}), client_key=client.key)
        async with callback_agent(site, receiver, tmp_path / "log", SMSOUT_CALLBACK_KEY_FILE=str(keys)) as agent:
            statuses = [new_status(shown) for _ in range(20)]
            unwanted = new_status(shown).model_copy(update={"status": "Failed"})
            await site.end(*(new_status(it) for it in (refused, anonymous, distrusting)), unwanted, *statuses)
            received = await until_received(receiver, "/ok/shown", len(statuses))
            assert await agent.stop() == 0
    assert {it.path for it in receiver.received} == {"/ok/shown"}
    assert sorted(it.headers["webhook-id"] for it in received) == sorted(it.webhook_id for it in statuses)
    for one in received:
        assert one.headers["authorization"] == "Bearer secret-token"
        assert one.headers["x-environment"] == "test"
        Webhook(shown.callback_secrets[0].secret).verify(one.body, one.headers)
    assert "secret-token" not in (tmp_path / "log").read_text()


async def test_a_failover_takes_what_the_own_endpoint_does_not_take(site: CallbackSite, tmp_path: Path) -> None:
    """Each notification after its failed attempts; and all of them while the endpoint cannot be reached."""
    async with receiving() as away:
        pass  # nobody answers at its port any more
    async with receiving() as receiver:

        async def add(url: str, backup: str) -> Trunk:
            options = CallbackOptions(failover_url=receiver.url(backup), failover_after=1)
            return await site.add(new_trunk(url).model_copy(update={"callbacks": options}))

        failing = await add(receiver.url("/fail/own"), "/ok/backup")
        unreachable = await add(away.url("/ok/own"), "/ok/standby")
        allowed = f"127.0.0.1:{receiver.port},127.0.0.1:{away.port}"
        async with callback_agent(
            site,
            receiver,
            tmp_path / "log",
            SMSOUT_CALLBACK_ALLOWED_ADDRESSES=allowed,
            SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS="1,2,60",
        ) as agent:
            one, many = new_status(failing), [new_status(unreachable) for _ in range(200)]
            await site.end(one, *many)
            (backup,) = await until_received(receiver, "/ok/backup", 1)
            standby = await until_received(receiver, "/ok/standby", len(many))
            assert await agent.stop() == 0
    assert [it.headers["webhook-id"] for it in (*receiver.of("/fail/own"), backup)] == [one.webhook_id] * 2
    assert {it.headers["webhook-id"] for it in standby} == {it.webhook_id for it in many}
    for one_of in standby:
        Webhook(unreachable.callback_secrets[0].secret).verify(one_of.body, one_of.headers)
