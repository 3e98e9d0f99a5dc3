"""How many segments a second carriers and trunks may have, by what the directory says and what partitions are ours."""

from collections.abc import Callable, Iterable

from pipeline.carriers.profile_form.limits import LimitsForm
from pipeline.directory.model import Directory
from pipeline.posting.peers.limit import Limit, Limits
from pipeline.posting.peers.together import Rate, joined
from schemas.directory.account import Account
from schemas.directory.carrier import Carrier
from schemas.directory.trunk import Trunk


class Rates:
    """The limits of carriers, of trunks and of accounts. `clock` gives seconds that only go forward."""

    def __init__(self, directory: Directory, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._carriers, self._trunks, self._accounts = Limits(clock), Limits(clock), Limits(clock)
        self._version: int | None = None

    def own(self, partitions: int, of: int) -> None:
        """Take over that so many `of` the partitions are this process' now.

        One that has none may still have some of a retry tier, which must not wait for ever: it takes half of what one
        partition stands for. That is the only way to more than the whole, and there are then more processes than
        partitions.
        """
        share = (partitions or 0.5) / max(of, partitions, 1)
        for limits in (self._carriers, self._trunks, self._accounts):
            limits.share_is(share)

    def of_carrier(self, carrier: Carrier, profile: LimitsForm | None = None) -> Limit | None:
        """Return a carrier's limit as it is now, the lower one of its own and its profile's; None when it has none."""
        profile = profile or LimitsForm()
        rates = [it for it in (carrier.segments_per_second, profile.segments_per_second) if it is not None]
        return self._carriers.limit(carrier.id, min(rates, default=None), carrier.burst or profile.burst)

    def of_trunk(self, trunk_id: str) -> Rate | None:
        """Return the limits of a trunk and of its account, as they were at the last `follow`; None when it has none."""
        trunk = self._directory.trunk(trunk_id)
        return joined(self._trunks.of(trunk_id), None if trunk is None else self._accounts.of(trunk.account_id))

    def follow(self) -> bool:
        """Take over what the directory says of trunks and accounts; tell whether it may be something new."""
        if self._directory.version == self._version:
            return False
        self._version = self._directory.version
        _follow(self._trunks, self._directory.entries(Trunk))
        _follow(self._accounts, self._directory.entries(Account))
        return True


def _follow(limits: Limits, entries: Iterable[Trunk] | Iterable[Account]) -> None:
    limited = {it.id: it.segments_per_second for it in entries if it.segments_per_second}
    limits.keep(set(limited))
    for identity, per_second in limited.items():
        limits.limit(identity, per_second)
