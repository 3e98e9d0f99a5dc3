"""One module a resource type: what requests about it are checked against, what is shown of it, its routes.

trunks/          /v3/sms_trunks and what belongs to one
numbers          /v3/dids
carriers         /v3/carriers
carrier_profiles  /v3/carrier_profiles
routes           /v3/routes
accounts         /v3/accounts
senders          /v3/senders
campaigns        /v3/campaigns
opt_outs         /v3/opt_outs
limits           of trunks and accounts, in requests and responses
outbound_messages  /v3/outbound_messages
"""

from typing import Final

from agents.panel.api.resources import (
    accounts,
    campaigns,
    carrier_profiles,
    carriers,
    numbers,
    opt_outs,
    outbound_messages,
    routes,
    senders,
)
from agents.panel.api.resources.trunks import credentials, trunks
from agents.panel.api.route import ApiRoute

ROUTES: Final[tuple[ApiRoute, ...]] = (
    *trunks.ROUTES,
    *credentials.ROUTES,
    *numbers.ROUTES,
    *senders.ROUTES,
    *campaigns.ROUTES,
    *opt_outs.ROUTES,
    *carriers.ROUTES,
    *carrier_profiles.ROUTES,
    *routes.ROUTES,
    *accounts.ROUTES,
    *outbound_messages.ROUTES,
)
"""Every route of the management API: what it takes, what it gives, who may call it."""
