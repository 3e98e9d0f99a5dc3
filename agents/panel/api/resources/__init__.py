"""One module a resource type: what requests about it are checked against, what is shown of it, its routes.

trunks           /v3/sms_trunks
trunk_documents  trunks in requests and responses
credentials      /v3/sms_trunk_regenerate_credentials
numbers          /v3/dids
carriers         /v3/carriers
routes           /v3/routes
accounts         /v3/accounts
outbound_messages  /v3/outbound_messages
"""

from typing import Final

from agents.panel.api.resources import accounts, carriers, credentials, numbers, outbound_messages, routes, trunks
from agents.panel.api.route import ApiRoute

ROUTES: Final[tuple[ApiRoute, ...]] = (
    *trunks.ROUTES,
    *credentials.ROUTES,
    *numbers.ROUTES,
    *carriers.ROUTES,
    *routes.ROUTES,
    *accounts.ROUTES,
    *outbound_messages.ROUTES,
)
"""Every route of the management API: what it takes, what it gives, who may call it."""
