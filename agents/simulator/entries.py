"""Numbered entries in memory, as the JSON bytes that a listing shows."""

from collections import deque
from itertools import islice


class Entries:
    """Entries 1, 2, 3, ... of which the oldest go when told; numbers and `count` stay as if they had not."""

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque()
        self.count = 0
        """How many were added since the start or the last `clear`."""
        self.kept_bytes = 0

    def append(self, entry: bytes) -> None:
        """Add entry number `count + 1`."""
        self._kept.append(entry)
        self.count += 1
        self.kept_bytes += len(entry)

    def drop_oldest(self) -> None:
        """Forget the oldest kept entry, if there is one."""
        if self._kept:
            self.kept_bytes -= len(self._kept.popleft())

    def clear(self) -> None:
        """Forget everything and count from 1 again."""
        self._kept.clear()
        self.count = 0
        self.kept_bytes = 0

    def listing(self, since: int = 0) -> bytes:
        """Return a JSON array of the kept entries with a number greater than `since`, in order."""
        dropped = self.count - len(self._kept)
        return b"[" + b",\n".join(islice(self._kept, max(0, since - dropped), None)) + b"]"
