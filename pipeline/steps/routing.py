"""Step 5, routing: which carrier takes a message."""

from pipeline.directory.model import Directory
from schemas.directory.carrier import Carrier, Route


def choose_route(directory: Directory, source: str, destination: str) -> tuple[Route, Carrier] | None:
    """Return the best route whose carrier can be used, with that carrier.

    Blocked routes, routes to blocked carriers and routes to carriers that are gone are passed over, so blocking a
    carrier moves its traffic to the next best route. None: no route is left (code_id 1). `source` has no say yet: a
    route that is only for some senders will be a matter of this function alone.
    """
    for route in directory.routes_for(destination):
        if route.blocked:
            continue
        carrier = directory.carrier(route.carrier_id)
        if carrier is not None and not carrier.blocked:
            return route, carrier
    return None
