"""What one entry must keep to, and those that it refers to."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from pipeline.carriers.profiles.book import ProfileBook
from pipeline.directory.rules.after import After
from pipeline.directory.rules.attributes import account_exists, known_countries, limit_problems, named
from pipeline.directory.rules.campaigns import campaign_problems
from pipeline.directory.rules.carriers import carrier_problems, profile_problems
from pipeline.directory.rules.changes import Problem
from pipeline.directory.rules.trunks import trunk_problems
from pipeline.e164 import number_problem
from schemas.directory.account import Account, Did, NumberCheck
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.entry import DirectoryEntry
from schemas.directory.people import ApiKey, PanelRole, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk


class _Owned(NamedTuple):
    """What campaigns refer to, by account: the senders' addresses, and the trunks in service by id."""

    senders: dict[str, set[str]]
    trunks: dict[str, dict[str, Trunk]]

    @classmethod
    def of(cls, after: After) -> "_Owned":
        """Return that of all accounts."""
        owned = cls({}, {})
        for did in after.all(Did):
            owned.senders.setdefault(did.account_id, set()).add(did.number)
        for sender in after.all(Sender):
            owned.senders.setdefault(sender.account_id, set()).add(sender.address)
        for trunk in after.trunks_in_service():
            owned.trunks.setdefault(trunk.account_id, {})[trunk.id] = trunk
        return owned


class EntryRules:
    """Checks the entries of a set one by one."""

    def __init__(self, after: After) -> None:
        self._after = after
        self._profiles = ProfileBook(partial(after.get, Profile))
        self._owned: _Owned | None = None

    def problems(self, key: str, change: DirectoryEntry) -> Iterator[Problem]:
        """Iterate over what is wrong with an entry that can be read."""
        # Not isinstance: pydantic's costs 3 microseconds when the answer is no.
        if type(change) is Account:
            yield from named(f"{key}/name", change.name)
            yield from limit_problems(key, change)
        elif type(change) is Did:
            yield from self._did(key, change)
        elif type(change) is Sender:
            yield from self._sender(key, change)
        elif type(change) is Campaign:
            yield from named(f"{key}/name", change.name)
            yield from self._campaign(key, change)
        elif type(change) is Trunk:
            yield from trunk_problems(key, change, self._after)
        elif type(change) is Carrier:
            yield from named(f"{key}/name", change.name)
            yield from carrier_problems(key, change, self._profiles)
        elif type(change) is Profile:
            yield from self._profile(key, change)
        elif type(change) is Route:
            yield from self._route(key, change)
        elif type(change) is PanelUser:
            yield from self._holder(key, change)
        elif type(change) is ApiKey:
            yield from named(f"{key}/name", change.name)
            yield from self._holder(key, change)

    def _did(self, key: str, did: Did) -> Iterator[Problem]:
        before, owner = self._after.before.did(did.number), self._after.get(Account, did.account_id)
        if before is None or before.account_id != did.account_id:  # what is there may stay
            yield from _number_problems(f"{key}/number", did.number, owner)
        yield from account_exists(key, did.account_id, self._after)

    def _sender(self, key: str, sender: Sender) -> Iterator[Problem]:
        before = self._after.before.get(Sender, sender.id)
        if before is not None and before.account_id != sender.account_id:
            yield f"{key}/account_id", "a sender cannot move to another account"
        yield from account_exists(key, sender.account_id, self._after)
        yield from known_countries(f"{key}/countries", sender.countries)

    def _campaign(self, key: str, campaign: Campaign) -> Iterator[Problem]:
        owner, before = campaign.account_id, self._after.before.campaign(campaign.id)
        yield from account_exists(key, owner, self._after)
        if self._owned is None:  # once for all campaigns of the set
            self._owned = _Owned.of(self._after)
        senders, trunks = self._owned.senders.get(owner, set()), self._owned.trunks.get(owner, {})
        yield from campaign_problems(key, campaign, before, senders, trunks)

    def _profile(self, key: str, profile: Profile) -> Iterator[Problem]:
        problems = list(profile_problems(key, profile, self._profiles))
        yield from problems
        if problems:
            return
        for carrier in self._after.all(Carrier):
            if carrier.profile == profile.id and f"carrier:{carrier.id}" not in self._after.changes:
                for where, what in carrier_problems("", carrier, self._profiles):
                    yield f"{key}/text", f"the carrier {carrier.name!r} could not go on: {where[1:]}: {what}"

    def _route(self, key: str, route: Route) -> Iterator[Problem]:
        if self._after.get(Carrier, route.carrier_id) is None:
            yield f"{key}/carrier_id", f"there is no carrier {route.carrier_id}"
        if route.account_id is not None:
            yield from account_exists(key, route.account_id, self._after)
        if route.currency is not None and route.price_per_segment is None:
            yield f"{key}/currency", "there is no price that it could be of"

    def _holder(self, key: str, holder: PanelUser | ApiKey) -> Iterator[Problem]:
        if holder.account_id is not None:
            yield from account_exists(key, holder.account_id, self._after)
        if (holder.account_id is None) != (holder.role is PanelRole.OPERATOR):
            yield f"{key}/account_id", "operators have no account, everybody else has one"


def _number_problems(where: str, number: str, owner: Account | None) -> Iterator[Problem]:
    problem = number_problem(number, NumberCheck.PLAN if owner is None else owner.checks)
    if problem is not None:
        yield where, problem
