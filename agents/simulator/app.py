"""The simulator's HTTP server: its parts, put together."""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from agents.simulator import carrier, faults, inbox, receipts
from agents.simulator.ledger import Ledger
from agents.simulator.settings import SimulatorSettings


class Simulator:
    """Everything that one simulator keeps."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.ledger = Ledger(settings.max_kept_bytes, settings.ledger_file)
        self.receipts = receipts.Receipts()
        self.faults = faults.Faults()
        self.carrier = carrier.Carrier(self.ledger, self.receipts)
        self.inboxes = inbox.Inboxes(settings.max_kept_bytes, settings.max_inboxes)
        self.max_body_bytes = settings.max_body_bytes

    def app(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(middlewares=[_errors_as_json], client_max_size=self.max_body_bytes)
        app.add_routes(
            [
                *carrier.routes(self.carrier, self.faults),
                *inbox.routes(self.inboxes, self.faults),
                *faults.routes(self.faults),
                *receipts.routes(self.receipts),
            ]
        )
        return app


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or error.content_type == "application/json":
            raise
        error.text = json.dumps({"error": error.reason})
        error.content_type = "application/json"
        raise
