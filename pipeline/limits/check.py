"""Whether a message may go out by all that is counted of its trunk and account."""

from pipeline.limits.beyond import Beyond
from pipeline.limits.counts import DayCounts, Position
from pipeline.limits.meter import Meter, meter_of
from pipeline.limits.screener import Screener, screener_of
from pipeline.limits.screens import Screens
from schemas.directory.account import Account
from schemas.directory.route import Route
from schemas.directory.trunk import Trunk


class Check:
    """Asks for the messages of one submission; `check_of` makes it."""

    def __init__(self, screener: Screener | None, meter: Meter | None) -> None:
        self._screener = screener
        self._meter = meter

    def ask(self, index: int, destination: str, content: str, segments: int, route: Route) -> Beyond | None:
        """Count the submission's message `index`, or return why it does not go out: then nothing counts it."""
        if self._screener is not None:
            stopped = self._screener.ask(index, destination, content)
            if stopped is not None:
                return stopped
        beyond = None if self._meter is None else self._meter.ask(index, segments, route)
        if self._screener is not None:
            self._screener.tell(goes_out=beyond is None)
        return beyond


def check_of(
    counts: DayCounts | None, screens: Screens | None, partition: int, first: Position, trunk: Trunk, account: Account
) -> Check | None:  # fmt: skip
    """Return what checks a submission of a trunk whose first message is at `first`; None where nothing is limited.

    `counts` is None where no day is limited, `screens` where nothing is guarded.
    """
    screener = None if screens is None else screener_of(screens, partition, first, trunk, account)
    meter = None if counts is None else meter_of(counts, partition, first, trunk, account)
    return None if screener is None and meter is None else Check(screener, meter)
