"""The client that does not wait: the same as the other one, seen through its own methods."""

from unittest.mock import AsyncMock, patch

import httpx
import pytest
from smsout_client import AsyncClient, Client, Refused, Unavailable

from tests.unit.smsout_client.gateway import BUSY, CREATED, EVENT, ID, LOGGED, URL, Gateway


def client(gateway: Gateway) -> AsyncClient:
    return AsyncClient(URL, username="user", password="password", transport=gateway)


async def test_everything_can_be_asked() -> None:
    """Each method once."""
    many = {"data": [{"id": "1", "type": "outbound_messages", "attributes": {"destination": "15551234567"}}]}
    gateway = Gateway(
        httpx.Response(201, json=CREATED), httpx.Response(201, json=many), httpx.Response(200, json={"data": LOGGED}),
        httpx.Response(200, json={"data": [EVENT]}),
        httpx.Response(200, json={"data": [LOGGED], "links": {"next": "?page[after]=abc"}}),
        httpx.Response(200, json={"data": [LOGGED]}),
    )  # fmt: skip
    async with client(gateway) as sms:
        assert (await sms.send(source="1", destination="15551234567", content="x")).id == ID
        assert [it.id for it in await sms.send_many(source="1", destinations=["15551234567"], content="x")] == ["1"]
        assert (await sms.message(ID)).status == "Success"
        assert [it.event for it in await sms.events(ID)] == ["accepted"]
        assert [it.id async for it in sms.messages(status="Success")] == [ID, ID]


async def test_it_tries_again_with_the_same_key_and_gives_up() -> None:
    """Delays are those of the other client: there is one rule."""
    with patch("smsout_client.aio.anyio.sleep", AsyncMock()) as slept:
        gateway = Gateway(BUSY, httpx.ConnectError("refused"), httpx.Response(201, json=CREATED))
        async with client(gateway) as sms:
            await sms.send(source="1", destination="2", content="x")
        assert (len(gateway.keys), slept.await_count) == (1, 2)
        gateway = Gateway(*[httpx.ConnectError("refused")] * 6)
        async with client(gateway) as sms:
            with pytest.raises(Unavailable, match="given up after 6 tries"):
                await sms.message(ID)


async def test_it_refuses_likewise() -> None:
    """What must be corrected."""
    async with client(Gateway(httpx.Response(401, json={"errors": []}))) as sms:
        with pytest.raises(Refused, match="HTTP 401"):
            await sms.send(source="1", destination="2", content="x")


def test_both_have_the_same_methods() -> None:
    """One is not forgotten when something is added to the other."""

    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(Client) == public(AsyncClient)
