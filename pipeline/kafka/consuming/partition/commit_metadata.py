"""What rides on a commit beside its position, as the text that the broker keeps with the offset.

`<low water>;<causations>;<finished ranges>;<row>`: where the journal must be read from, which submitted records have
been seen (schemas/headers/causation.py), what is finished beyond the position, and how many records right before it
could not be read. Parts that are missing or cannot be read count as not known.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from aiokafka.structs import OffsetAndMetadata

from pipeline.kafka.consuming.partition.finished_ranges import FinishedRanges
from schemas.headers.causation import Causation, from_metadata, to_metadata

_SEPARATOR: Final = ";"


class CommitMetadata(NamedTuple):
    """What one commit keeps. `low_water` 0 is the journal's start; `row` counts unreadable records."""

    low_water: int = 0
    causations: Mapping[int, Causation] = {}
    finished: FinishedRanges | None = None
    row: int = 0

    @classmethod
    def parse(cls, committed: OffsetAndMetadata | None) -> Self:
        """Read what a group has committed; None is a group that has committed nothing."""
        if committed is None:
            return cls()
        low_water, causations, finished, row = (*committed.metadata.split(_SEPARATOR), "", "", "", "")[:4]
        return cls(
            int(low_water) if low_water.isdecimal() else 0,
            from_metadata(causations),
            FinishedRanges.parse(finished, committed.offset),
            int(row) if row.isdecimal() else 0,
        )

    def text(self, position: int) -> str:
        """Return it as it is kept with a commit at `position`."""
        finished = "" if self.finished is None else self.finished.text(position)
        parts = (str(self.low_water), to_metadata(self.causations), finished, str(self.row or ""))
        return _SEPARATOR.join(parts)
