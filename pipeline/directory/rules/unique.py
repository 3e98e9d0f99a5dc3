"""What no two entries may have alike: names, usernames, addresses, what a route is for."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator

from pipeline.directory.rules.after import After
from pipeline.directory.rules.changes import NOUNS, Entry, Problem, route_key
from pipeline.directory.values import name_key
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier
from schemas.directory.entry import key_of
from schemas.directory.people import PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk


def unique(after: After) -> Iterator[Problem]:
    """Iterate over what two entries have alike."""
    trunks = list(after.changed(Trunk))
    if trunks:
        yield from _unique_trunks(after, trunks)
    yield from _unique_of(after, Carrier, "name", lambda carrier: name_key(carrier.name))
    yield from _unique_of(after, Route, "destination_prefix", route_key)
    yield from _unique_of(after, Sender, "address", lambda sender: (sender.account_id, sender.address))
    yield from _unique_of(after, Campaign, "name", lambda it: (it.account_id, name_key(it.name)))
    yield from _unique_of(after, PanelUser, "email", lambda user: user.email.casefold())


def _unique_trunks(after: After, changed: list[Trunk]) -> Iterator[Problem]:
    accounts = {trunk.account_id for trunk in changed}
    names = {(trunk.account_id, name_key(trunk.name)): 0 for trunk in changed}
    holders: dict[str, set[str]] = {item.username: set() for trunk in changed for item in trunk.credentials}
    for trunk in after.all(Trunk):
        for credential in trunk.credentials:
            if credential.username in holders:
                holders[credential.username].add(trunk.id)
        if trunk.account_id in accounts and trunk.deleted_at is None:
            name = (trunk.account_id, name_key(trunk.name))
            if name in names:
                names[name] += 1
    for trunk in changed:
        key = key_of(trunk).decode()
        if trunk.deleted_at is None and names[trunk.account_id, name_key(trunk.name)] > 1:
            yield f"{key}/name", f"{trunk.name!r} is the name of another trunk of the account"
        for index, credential in enumerate(trunk.credentials):
            if len(holders[credential.username]) > 1:
                yield f"{key}/credentials/{index}/username", "is the username of another trunk"


def _unique_of(
    after: After, model: type[Entry], attribute: str, value_of: Callable[[Entry], Hashable]
) -> Iterator[Problem]:
    changed = list(after.changed(model))
    if changed:
        count = Counter(value_of(entry) for entry in after.all(model))
        for entry in changed:
            if count[value_of(entry)] > 1:
                yield (
                    f"{key_of(entry).decode()}/{attribute}",
                    f"another {NOUNS[model]} has the same: choose another one",
                )
