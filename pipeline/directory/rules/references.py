"""What others refer to, and so may not go."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from pipeline.carriers.profiles.shipped import shipped_names
from pipeline.counted import counted
from pipeline.directory.rules.after import After
from pipeline.directory.rules.campaigns import lost_senders
from pipeline.directory.rules.changes import Change, Problem, Removal
from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.people import ApiKey, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk


def removed(after: After) -> Iterator[Problem]:
    """Iterate over what goes although something that stays needs it."""
    going = [change for change in after.changes.values() if isinstance(change, Removal)]
    accounts = {removal.identity for removal in going if removal.kind is Account}
    if accounts:
        held = Counter(trunk.account_id for trunk in after.trunks_in_service())
        held.update(did.account_id for did in after.all(Did))
        held.update(sender.account_id for sender in after.all(Sender))
        held.update(campaign.account_id for campaign in after.all(Campaign))
        held.update(user.account_id for user in after.all(PanelUser) if user.account_id)
        held.update(api_key.account_id for api_key in after.all(ApiKey) if api_key.account_id)
        held.update(route.account_id for route in after.all(Route) if route.account_id)
        for identity in accounts & held.keys():
            left = counted(held[identity], "entry", "entries")
            what = "trunks, numbers, senders, campaigns, users, API keys, routes"
            yield f"account:{identity}", f"still has {left} ({what}): delete those first"
    carriers = {removal.identity for removal in going if removal.kind is Carrier}
    if carriers:
        routes = Counter(route.carrier_id for route in after.all(Route))
        for identity in carriers & routes.keys():
            left = counted(routes[identity], "route still leads", "routes still lead")
            yield f"carrier:{identity}", f"{left} to it: delete or change what leads here first"
    profiles = {removal.identity for removal in going if removal.kind is Profile}
    if profiles:
        for carrier in after.all(Carrier):
            if carrier.profile in profiles and carrier.profile not in shipped_names():
                yield f"profile:{carrier.profile}", f"the carrier {carrier.name!r} still uses it"
    for removal in going:
        if removal.kind is Trunk:
            trunk = after.before.trunk(removal.identity)
            if trunk is not None and trunk.deleted_at is None:
                yield f"trunk:{removal.identity}", "is in service: delete it first (deleted_at)"


def _lost_number(change: Change, after: After) -> str | None:
    if isinstance(change, Removal):
        return change.identity if change.kind is Did else None
    if type(change) is not Did or (before := after.before.did(change.number)) is None:
        return None
    moved = before.account_id != change.account_id
    return change.number if moved or before.p2p_enabled > change.p2p_enabled else None


def sources_taken_away(after: After) -> Iterator[Problem]:
    """Iterate over DIDs that can no longer be a source, of trunks that are not changed themselves."""
    lost = {number for change in after.changes.values() if (number := _lost_number(change, after)) is not None}
    if not lost:
        return
    used: dict[str, list[str]] = defaultdict(list)
    for trunk in after.before.entries(Trunk):
        if trunk.deleted_at is None and f"trunk:{trunk.id}" not in after.changes:
            for number in lost.intersection(trunk.allowed_sources):
                used[number].append(trunk.name)
    for number, names in used.items():
        listed = ", ".join(repr(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
        yield (
            f"did:{number}",
            f"is an allowed source of {counted(len(names), 'trunk')}: {listed}; take it off there first",
        )


def senders_taken_away(after: After) -> Iterator[Problem]:
    """Iterate over DIDs and senders that an account will not have any more, of campaigns that are not changed."""
    lost: dict[tuple[str, str], str] = {}
    for key, change in after.changes.items():
        if isinstance(change, Removal) and change.kind is Sender:
            sender = after.before.get(Sender, change.identity)
            if sender is not None:
                lost[sender.account_id, sender.address] = key
        elif key.startswith("did:"):
            did = after.before.did(key.removeprefix("did:"))
            if did is not None and (isinstance(change, Removal) or change.account_id != did.account_id):  # type: ignore[union-attr]
                lost[did.account_id, did.number] = key
    if lost:
        campaigns = after.before.entries(Campaign)
        yield from lost_senders(lost, (it for it in campaigns if f"campaign:{it.id}" not in after.changes))
