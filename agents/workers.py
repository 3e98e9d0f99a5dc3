"""Tasks that an agent makes while it runs."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Workers:
    """Makes tasks in the group of the agent that runs: an error of any of them ends it."""

    def __init__(self) -> None:
        self.group: asyncio.TaskGroup | None = None

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Make a task. Raises `RuntimeError` while no agent runs, and when it ends."""
        try:
            if self.group is None:
                raise RuntimeError("no agent runs")
            return self.group.create_task(work)
        except RuntimeError:
            work.close()
            raise
