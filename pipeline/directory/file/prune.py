"""What `--prune` would delete: every entry that belongs into one of a file's lists."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from pipeline.directory.file.form import AccountForm, DirectoryForm
from pipeline.directory.model import Directory
from pipeline.directory.rules.changes import Change, Removal
from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk


def listed_entries(
    form: DirectoryForm, accounts: Mapping[str, AccountForm], directory: Directory, now: datetime
) -> Iterator[Change]:
    """Iterate over the deletion of each entry that `form` has a list for, whether it is in the list or not.

    `accounts` are the file's accounts by id. An entry for which the file has no list is not touched, unless its
    account goes. Trunks are not removed but leave service at `now`: their messages in flight need them.
    """
    known = [account.id for account in directory.entries(Account)]
    gone = set(known).difference(accounts) if form.accounts is not None else set()

    def listed(account_id: str, name: str) -> bool:
        return account_id in gone or (account_id in accounts and getattr(accounts[account_id], name) is not None)

    for trunk in directory.entries(Trunk):
        if trunk.deleted_at is None and listed(trunk.account_id, "trunks"):
            yield trunk.model_copy(update={"deleted_at": now})
    for did in directory.entries(Did):
        if listed(did.account_id, "dids"):
            yield Removal(Did, did.number)
    for sender in directory.entries(Sender):
        if listed(sender.account_id, "senders"):
            yield Removal(Sender, sender.id)
    for campaign in directory.entries(Campaign):
        if listed(campaign.account_id, "campaigns"):
            yield Removal(Campaign, campaign.id)
    for user in directory.entries(PanelUser):
        if form.operators is not None if user.account_id is None else listed(user.account_id, "users"):
            yield Removal(PanelUser, user.id)
    for key in directory.entries(ApiKey):
        if form.operator_api_keys is not None if key.account_id is None else listed(key.account_id, "api_keys"):
            yield Removal(ApiKey, key.id)
    for identity in gone:
        yield Removal(Account, identity)
    if form.routes is not None:
        yield from (Removal(Route, route.id) for route in directory.entries(Route))
    if form.profiles is not None:
        yield from (Removal(Profile, profile.id) for profile in directory.entries(Profile))
    if form.carriers is not None:
        yield from (Removal(Carrier, carrier.id) for carrier in directory.entries(Carrier))
