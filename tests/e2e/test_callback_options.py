"""A trunk's own way of being called back through the whole system: from the management API to the log."""

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest
from smsout_client import AsyncClient, Refused

from tests.e2e.panel import MadeTrunk, OperatorClient, new_destination
from tests.fakes.certificates import Authority
from tests.fakes.receiver import Received, receiving

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

LIMIT_SECONDS: Final = 30
TOKEN: Final = "a-token-that-only-the-endpoint-knows"


def identity(authority: Authority, **more: object) -> dict[str, Any]:
    """Return options that trust this authority alone, and show a certificate of it, a token and a header."""
    client = authority.issue("smsout")
    return {
        "ca": authority.pem,
        "client_certificate": client.certificate,
        "secrets": {"client_key": client.key, "token": TOKEN},
        "headers": {"X-Environment": "test"},
        **more,
    }


def told(received: list[Received]) -> list[str]:
    """Return the webhook-ids of POSTs, each of which has shown what `identity` says and is signed."""
    for one in received:
        assert (one.headers["authorization"], one.headers["x-environment"]) == (f"Bearer {TOKEN}", "test")
        assert one.headers["webhook-signature"].startswith("v1,")
    return [one.headers["webhook-id"] for one in received]


async def attempts(client: OperatorClient, trunk: MadeTrunk, message_id: str, count: int) -> list[tuple[Any, ...]]:
    """Wait until the log has so many attempts of a message; return number, endpoint and outcome of each."""
    found: list[tuple[Any, ...]] = []
    async with (
        asyncio.timeout(LIMIT_SECONDS),
        AsyncClient(
            client.ready["ingress_url"], username=trunk.username, password=trunk.password,
            log_url=client.ready["message_log_url"],
        ) as sms,
    ):  # fmt: skip
        while len(found) < count:
            await asyncio.sleep(0.1)
            try:
                told = await sms.events(message_id)
            except Refused:
                continue  # the log has not come to it yet
            events = [it.raw["attributes"] for it in told if it.event == "callback"]
            found = [(it["attempt"], it["endpoint"], it["outcome"]) for it in events]
    return found


async def test_callbacks_turn_to_the_failover_over_tls_that_a_trunk_has_chosen(
    client: OperatorClient, tmp_path: Path
) -> None:
    """Both endpoints know only clients of an authority that nobody else trusts, and see certificate, token and headers.

    A notification turns after its failed attempt, under the same id. Whom a trunk does not trust is told nothing.
    """
    authority, stranger = Authority("of a customer"), Authority("of somebody else")
    context = authority.server_context(tmp_path)
    async with receiving(context) as own, receiving(context) as standby:

        async def trunk(url: str, options: dict[str, Any]) -> MadeTrunk:
            return await client.make_trunk(callback_url=url, callbacks=options)

        turning = {"failover_url": standby.url("/ok/turned"), "failover_after": 1}
        well, failing, distrusting = await asyncio.gather(
            trunk(own.url("/ok/own"), identity(authority)),
            trunk(own.url("/fail/own"), identity(authority, **turning)),
            trunk(own.url("/ok/distrusted"), identity(authority, ca=stranger.pem)),
        )
        posted, turned, refused = await asyncio.gather(
            *(client.send_through(it, new_destination()) for it in (well, failing, distrusting))
        )
        assert await attempts(client, failing, turned, 2) == [
            (1, own.url(""), "failed"), (2, standby.url(""), "accepted"),
        ]  # fmt: skip
        assert await attempts(client, well, posted, 1) == [(1, own.url(""), "accepted")]
        assert {it[-1] for it in await attempts(client, distrusting, refused, 1)} == {"failed"}
        assert told(own.of("/ok/own")) == [f"{posted}.processing"]
        assert told(own.of("/fail/own") + standby.of("/ok/turned")) == [f"{turned}.processing"] * 2
        assert own.of("/ok/distrusted") == []
