"""What the panel's tests do beside the browser: make trunks through the management API, send through ingress."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from playwright.async_api import Page

from tests.e2e.customer import JSON_API, PATIENCE_SECONDS, Customer

SOURCE = "12125551234"
OTHER_SOURCE = "12125551235"


@dataclass(frozen=True, slots=True)
class MadeTrunk:
    """A trunk that a test has for itself."""

    id: str
    name: str
    username: str
    password: str
    inbox: str
    """Path of its callbacks at the simulator."""


class OperatorClient(Customer):
    """A customer who also holds the operator's API key."""

    @property
    def panel_url(self) -> str:
        """Where the panel is."""
        return str(self.ready["panel_url"])

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.account_id = (await self.api("GET", f"/v3/sms_trunks/{self.trunk['id']}"))["data"]["relationships"][
            "account"
        ]["data"]["id"]
        return self

    async def api(self, method: str, path: str, body: object = None, status: int | None = None) -> Any:
        """Call the management API; return its JSON, None when there is no content."""
        async with self._session.request(
            method,
            self.panel_url + path,
            data=json.dumps(body) if body is not None else None,
            headers={
                "Authorization": f"Bearer {self.ready['panel']['api_key']}",
                **({"Content-Type": JSON_API} if body is not None else {}),
            },
        ) as answer:
            text = await answer.text()
            assert answer.status == status if status else answer.status < 300, text
            return json.loads(text) if text else None

    async def make_trunk(
        self, name: str = "", sources: tuple[str, ...] | None = None, **configuration: object
    ) -> MadeTrunk:
        """Make a trunk with an inbox of its own, and wait until ingress has it; `sources` None allows any DID.

        `configuration` is what it has beside, or in the place of, its callback URL.
        """
        name = name or f"Trunk {secrets.token_hex(4)}"
        inbox = f"/inbox/{secrets.token_hex(6)}"
        attributes = {
            "name": name,
            "allow_any_did_as_source": sources is None,
            "configuration": {
                "type": "http_out",
                "callback_url": self.ready["simulator_url"] + inbox,
                **configuration,
            },
        }
        relationships: dict[str, Any] = {"account": {"data": {"id": self.account_id, "type": "accounts"}}}
        if sources is not None:
            relationships["outgoing_dids"] = {"data": [{"id": it, "type": "dids"} for it in sources]}
        document = {"data": {"type": "sms_trunks", "attributes": attributes, "relationships": relationships}}
        made = (await self.api("POST", "/v3/sms_trunks", document))["data"]
        shown = made["attributes"]["configuration"]
        trunk = MadeTrunk(made["id"], name, shown["username"], shown["password"], inbox)
        async with asyncio.timeout(PATIENCE_SECONDS):
            # Within a second, says the product; on a machine that runs other tests it may be a moment more.
            while await self.send_as(trunk.username, trunk.password, "nobody") == 401:
                await asyncio.sleep(0.05)
        return trunk

    async def call_back_to(self, trunk: MadeTrunk, url: str) -> None:
        """Let a trunk's callbacks go somewhere else than to its inbox."""
        attributes = {"configuration": {"type": "http_out", "callback_url": url}}
        document = {"data": {"type": "sms_trunks", "id": trunk.id, "attributes": attributes}}
        await self.api("PATCH", f"/v3/sms_trunks/{trunk.id}", document)

    async def use_carrier(self, **attributes: object) -> None:
        """Make a carrier, to which every route leads from then on."""
        document: dict[str, Any] = {"data": {"type": "carriers", "attributes": attributes}}
        made = (await self.api("POST", "/v3/carriers", document))["data"]
        relationships = {"carrier": {"data": {"type": "carriers", "id": made["id"]}}}
        for route in (await self.api("GET", "/v3/routes"))["data"]:
            document = {"data": {"type": "routes", "id": route["id"], "relationships": relationships}}
            await self.api("PATCH", f"/v3/routes/{route['id']}", document)

    async def work_in_new_account(self, operator: Page) -> str:
        """Make an account for one test alone, let an operator's browser work in it, and make trunks there."""
        document = {"data": {"type": "accounts", "attributes": {"name": f"Customer {secrets.token_hex(4)}"}}}
        account = (await self.api("POST", "/v3/accounts", document))["data"]
        self.account_id = account["id"]
        await operator.goto(f"/accounts?name={account['attributes']['name']}")
        await operator.get_by_role("button", name=f"Switch to {account['attributes']['name']}").click()
        await operator.wait_for_url("**/sms/trunks")
        return str(account["attributes"]["name"])

    async def send_as(
        self, username: str, password: str, destination: str, text: str = "Hello", source: str = SOURCE
    ) -> int:
        """POST one message with these credentials; return the status."""
        return (await self._send(username, password, destination, text, source))[0]

    async def send_through(
        self, trunk: MadeTrunk, destination: str, text: str = "Hello", source: str = SOURCE, **more: Any
    ) -> str:
        """Send one message through a trunk, of which ingress hears within a second; return its id."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                status, body = await self._send(trunk.username, trunk.password, destination, text, source, **more)
                if status != 401:
                    break
                await asyncio.sleep(0.05)
        assert status == 201, body
        return str(json.loads(body)["data"]["id"])

    async def told(self, trunk: MadeTrunk, count: int, seconds: float = PATIENCE_SECONDS) -> list[dict[str, Any]]:
        """Wait for `count` callbacks of a trunk; return their `data`, and those of what more comes within a second."""
        await self.wait_for(trunk.inbox, lambda entries: len(entries) >= count, limit_seconds=seconds)
        await asyncio.sleep(1)
        return [json.loads(it["body"])["data"] for it in await self.get(trunk.inbox)]

    async def happened(self, trunk: MadeTrunk, message_id: str, *, until: str) -> set[str]:
        """Wait until a message's history in the log has an event of this kind; return the kinds of all."""
        path = f"{self.ready['message_log_url']}/outbound_messages/{message_id}/events"
        authorization = {"Authorization": aiohttp.encode_basic_auth(trunk.username, trunk.password)}
        found: set[str] = set()
        async with asyncio.timeout(20):
            while until not in found:
                await asyncio.sleep(0.1)
                async with self._session.get(path, headers=authorization) as answer:
                    found = {it["attributes"]["event"] for it in (await answer.json(content_type=None)).get("data", ())}
        return found

    async def looked_up(self, trunk: MadeTrunk, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the messages that the trunk finds in the log."""
        async with self._session.get(
            f"{self.ready['message_log_url']}/outbound_messages",
            params=query,
            headers={"Authorization": aiohttp.encode_basic_auth(trunk.username, trunk.password)},
        ) as answer:
            return list((await answer.json(content_type=None))["data"])

    async def _send(
        self, username: str, password: str, destination: str, text: str, source: str, **more: Any
    ) -> tuple[int, bytes]:
        attributes = {"destination": destination, "source": source, "content": text, **more}
        async with self._session.post(
            self.ready["ingress_url"] + "/outbound_messages",
            data=json.dumps({"data": {"type": "outbound_messages", "attributes": attributes}}),
            headers={"Content-Type": JSON_API, "Authorization": aiohttp.encode_basic_auth(username, password)},
        ) as answer:
            return answer.status, await answer.read()

    async def status_within_a_second(
        self, wanted: int, username: str, password: str, destination: str | None = None, source: str = SOURCE
    ) -> int:
        """Send until ingress answers `wanted` or a second has passed; return the last answer."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + 1.0
        while True:
            asked_in_time = loop.time() <= deadline
            status = await self.send_as(username, password, destination or new_destination(), source=source)
            if status == wanted or not asked_in_time:
                return status
            await asyncio.sleep(0.02)

    async def callbacks(self, trunk: MadeTrunk, count: int = 1) -> list[dict[str, Any]]:
        """Wait for `count` callbacks of a trunk; return their attributes with the type."""
        found = await self.wait_for(trunk.inbox, lambda entries: len(entries) >= count, limit_seconds=20)
        bodies = [json.loads(entry["body"])["data"] for entry in found]
        return [{"type": body["type"], **body["attributes"]} for body in bodies]

    async def at_the_carrier(self, destination: str) -> list[dict[str, Any]]:
        """Wait until the practice carrier has something for a destination; return it."""
        found: list[dict[str, Any]] = await self.wait_for(
            "/carrier/ledger",
            lambda entries: any(it["destination"] == destination for it in entries),
            limit_seconds=20,
        )
        return [it for it in found if it["destination"] == destination]


def new_destination() -> str:
    """Return a number that no other test uses."""
    return f"1555{secrets.randbelow(9_000_000) + 1_000_000}"
