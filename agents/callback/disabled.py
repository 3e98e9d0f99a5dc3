"""Which trunks' endpoints have answered 410, until the directory says so itself."""

from collections import OrderedDict
from typing import Final

from schemas.directory.trunk import Trunk

MAX_TRUNKS: Final = 10_000


class DisabledEndpoints:
    """Trunks whose endpoint wants no more, as they were configured then.

    Nothing may be posted in the moment between a 410 and the directory's word on it (`callback_disabled_at`). From
    then on the directory decides, so a trunk is in here only as long as it is the very same one: whatever is changed
    about it, its endpoint too, makes it worth an attempt again.
    """

    def __init__(self, max_trunks: int = MAX_TRUNKS) -> None:
        self._max_trunks = max_trunks
        self._trunks: OrderedDict[str, Trunk] = OrderedDict()

    def add(self, trunk: Trunk) -> None:
        """Remember that `trunk`, as it is, takes nothing more."""
        self._trunks[trunk.id] = trunk
        self._trunks.move_to_end(trunk.id)
        if len(self._trunks) > self._max_trunks:
            self._trunks.popitem(last=False)

    def __contains__(self, trunk: Trunk) -> bool:
        if not self._trunks:
            return False
        known = self._trunks.get(trunk.id)
        if known is not None and known is not trunk:
            del self._trunks[trunk.id]
        return known is trunk
