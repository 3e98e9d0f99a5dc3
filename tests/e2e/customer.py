"""A customer of a running system: sends messages, looks at the practice carrier's ledger and at the inbox."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from standardwebhooks import Webhook

from tests.inbox import Told, told_by

PATIENCE_SECONDS: Final = 60.0
"""For whatever is to come: the machine has other tests to run, and each agent does its part in its own time."""

JSON_API = "application/vnd.api+json"


class Customer:
    """Talks to the system that a ready file describes."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.trunk: dict[str, Any] = ready["trunk"]
        self._authorization = aiohttp.encode_basic_auth(self.trunk["username"], self.trunk["password"])

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, path: str, kind: str, attributes: dict[str, object]) -> tuple[int, dict[str, Any]]:
        """POST a JSON:API document with the trunk's credentials; return status and body."""
        async with self._session.post(
            self.ready["ingress_url"] + path,
            json={"data": {"type": kind, "attributes": attributes}},
            headers={"Content-Type": JSON_API, "Authorization": self._authorization},
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    async def send(self, destination: str, content: str, source: str = "12125551234") -> str:
        """Send one message; return its id."""
        status, body = await self.post(
            "/outbound_messages",
            "outbound_messages",
            {"destination": destination, "source": source, "content": content},
        )
        assert status == 201, body
        return str(body["data"]["id"])

    async def preview(self, destination: str, content: str, source: str = "12125551234") -> dict[str, Any]:
        """Ask what a message would become; return the answer's attributes."""
        attributes: dict[str, object] = {"destination": destination, "source": source, "content": content}
        status, body = await self.post("/outbound_message_previews", "outbound_message_previews", attributes)
        assert status == 200, body
        return dict(body["data"]["attributes"])

    async def send_bulk(self, destinations: list[str], content: str, source: str = "12125551234") -> dict[str, str]:
        """Send one text to many; return message ids by destination."""
        status, body = await self.post(
            "/bulk_outbound_messages",
            "bulk_outbound_messages",
            {"destination": destinations, "source": source, "content": content},
        )
        assert status == 201, body
        return {it["attributes"]["destination"]: it["id"] for it in body["data"]}

    async def get(self, path: str) -> Any:
        """GET JSON from the simulator."""
        async with self._session.get(self.ready["simulator_url"] + path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json(content_type=None)

    async def put(self, path: str, body: dict[str, object]) -> None:
        """PUT JSON to the simulator."""
        async with self._session.put(self.ready["simulator_url"] + path, json=body) as answer:
            assert answer.status < 300, await answer.text()

    async def delete(self, path: str) -> None:
        """DELETE on the simulator."""
        async with self._session.delete(self.ready["simulator_url"] + path) as answer:
            assert answer.status < 300, await answer.text()

    async def ledger(self) -> list[dict[str, Any]]:
        """Return what the practice carrier has accepted, in order."""
        entries: list[dict[str, Any]] = await self.get("/carrier/ledger")
        return entries

    async def inbox(self) -> list[dict[str, Any]]:
        """Return the demo trunk's callbacks, in order."""
        entries: list[dict[str, Any]] = await self.get("/inbox/demo")
        return entries

    def verified(self, callback: dict[str, Any]) -> dict[str, Any]:
        """Return a callback's body, after the public library has verified its signature."""
        body: dict[str, Any] = Webhook(self.trunk["callback_secret"]).verify(callback["body"], callback["headers"])
        return body

    def events(self, callback: dict[str, Any], secret: str | None = None) -> list[Told]:
        """Return what a callback tells, alone or in a batch, after the public library has verified its signature."""
        Webhook(secret or self.trunk["callback_secret"]).verify(callback["body"], callback["headers"])
        return told_by(callback)

    async def wait_for(self, path: str, enough: Callable[[Any], bool], limit_seconds: float = PATIENCE_SECONDS) -> Any:
        """Poll the simulator until its answer is `enough`; fail with the last answer after the limit."""
        found: Any = None
        try:
            async with asyncio.timeout(limit_seconds):
                while True:
                    found = await self.get(path)
                    if enough(found):
                        return found
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{path} is still {str(found)[:2000]} after {limit_seconds:g} s") from None
