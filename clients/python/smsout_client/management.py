"""A client of the management API, as much of it as commands need: trunks."""

from collections.abc import Iterator

import httpx

from smsout_client import wire
from smsout_client.models import Trunk
from smsout_client.retrying import Retrying
from smsout_client.sync import Connected


class Management(Connected):
    """Talks to one panel with an API key. Raises as `Client`."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str,
        timeout: float = 15.0,
        retrying: Retrying | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/") + "/v3/"
        bearer = {"Authorization": f"Bearer {api_key}"}
        http = httpx.Client(headers=bearer, timeout=timeout, transport=transport, follow_redirects=False)
        super().__init__(http, retrying)

    def trunks(self, *, name: str | None = None, page_size: int = 100) -> Iterator[Trunk]:
        """Yield the account's trunks, or those whose name contains `name`; an operator's key sees all accounts'."""
        request: wire.Request | None = wire.trunks(self._url, name, page_size)
        while request is not None:
            answer = self._ask(request)
            yield from wire.read_trunks(answer)
            request = wire.next_page(request, answer)

    def trunk(self, trunk_id: str) -> Trunk:
        """Return one trunk."""
        return wire.read_trunk(self._ask(wire.trunk(self._url, trunk_id)))
