"""A short code through the whole system: a route that takes it, the carrier, and the callback."""

import asyncio

import pytest

from tests.e2e.panel import OperatorClient

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

IN_FORCE_SECONDS = 1.5  # a change of the directory is in force everywhere within a second
CODE, OTHER = "70755", "80855"


async def test_a_short_code_goes_where_a_route_takes_it(client: OperatorClient) -> None:
    """Refused at the door as ever before there is such a route; one that is taken by none ends without a route."""
    trunk = await client.make_trunk()
    assert await client.send_as(trunk.username, trunk.password, CODE) == 400
    routes = (await client.api("GET", "/v3/routes"))["data"]
    carrier = routes[0]["relationships"]["carrier"]
    made = await client.api(
        "POST",
        "/v3/routes",
        {
            "data": {
                "type": "routes",
                "attributes": {"destination_prefix": "70", "short_codes": True},
                "relationships": {"carrier": {"data": carrier["data"]}},
            }
        },
    )
    assert made["data"]["attributes"]["short_codes"] is True
    try:
        await asyncio.sleep(IN_FORCE_SECONDS)
        sent = [await client.send_through(trunk, CODE), await client.send_through(trunk, OTHER)]
        told = {it["id"]: it["attributes"] for it in await client.told(trunk, 2)}
        assert [(told[it]["status"], told[it]["code_id"]) for it in sent] == [("Success", None), ("Routing error", 1)]
        (posted,) = await client.at_the_carrier(CODE)
        assert posted["message_id"] == sent[0]
    finally:
        await client.api("DELETE", f"/v3/routes/{made['data']['id']}")
