"""How many segments a second carriers and trunks may have, by what the directory says and what partitions are ours."""

from collections.abc import Callable

from pipeline.carriers.profile_form import LimitsForm
from pipeline.directory.model import Directory
from pipeline.posting.limit import Limit, Limits
from schemas.directory.carrier import Carrier
from schemas.directory.trunk import Trunk


class Rates:
    """The limits of carriers and of trunks. `clock` gives seconds that only go forward."""

    def __init__(self, directory: Directory, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._carriers, self._trunks = Limits(clock), Limits(clock)
        self._version: int | None = None

    def own(self, partitions: int, of: int) -> None:
        """Take over that so many `of` the partitions are this process' now.

        One that has none may still have some of a retry tier, which must not wait for ever: it takes half of what one
        partition stands for. That is the only way to more than the whole, and there are then more processes than
        partitions.
        """
        share = (partitions or 0.5) / max(of, partitions, 1)
        for limits in (self._carriers, self._trunks):
            limits.share_is(share)

    def of_carrier(self, carrier: Carrier, profile: LimitsForm | None = None) -> Limit | None:
        """Return a carrier's limit as it is now, the lower one of its own and its profile's; None when it has none."""
        profile = profile or LimitsForm()
        rates = [it for it in (carrier.segments_per_second, profile.segments_per_second) if it is not None]
        return self._carriers.limit(carrier.id, min(rates, default=None), carrier.burst or profile.burst)

    def of_trunk(self, trunk_id: str) -> Limit | None:
        """Return a trunk's limit as it was at the last `follow`; None when it has none."""
        return self._trunks.of(trunk_id)

    def follow(self) -> bool:
        """Take over what the directory says of trunks; tell whether it may be something new."""
        if self._directory.version == self._version:
            return False
        self._version = self._directory.version
        limited = {it.id: it.segments_per_second for it in self._directory.entries(Trunk) if it.segments_per_second}
        self._trunks.keep(set(limited))
        for trunk_id, per_second in limited.items():
            self._trunks.limit(trunk_id, per_second)
        return True
