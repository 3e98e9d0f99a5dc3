"""What an agent knows of the directory, without a topic to follow."""

import asyncio
from typing import Self

from pipeline.directory.model import Directory
from schemas.directory.entry import DirectoryEntry, key_of


class DirectoryViewInMemory:
    """Stands for the follower of `sms.directory`; `behind` is what only a look at the topic's end brings."""

    def __init__(self, directory: Directory, *behind: DirectoryEntry) -> None:
        self.directory = directory
        self.looks = 0
        self._behind = behind

    async def start(self) -> Self:
        return self

    async def stop(self) -> None:
        """There is no connection."""

    async def follow(self) -> None:
        """Nothing comes."""
        await asyncio.Event().wait()

    async def catch_up(self) -> None:
        self.looks += 1
        for entry in self._behind:
            self.directory.apply(key_of(entry), entry.to_bytes(), self.directory.version + 1)
