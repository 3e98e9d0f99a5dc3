"""What a storm does to a system: kills, and peers that fail. The schedule comes from the seed alone."""

import asyncio
import json
import os
import signal
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp

AGENTS: Final = ("ingress", "processor", "delivery", "callback", "panel")
KILL_EVERY_SECONDS: Final = 2.0
KILL_BROKER_EVERY_SECONDS: Final = 30.0
FAULT_EVERY_SECONDS: Final = 1.0
FAILING: Final = 0.1
# What one failing POST may meet; several kinds, since each is another outcome to the one who posts.
FAULTS: Final[tuple[dict[str, object], ...]] = (
    {"status": 503, "headers": {"Retry-After": "1"}},
    {"status": 503},
    {"status": 429},
    {"status": 500},
    {"drop": "before"},
    {"drop": "after"},
    {"delay_ms": 1500},
)


class Kills:
    """Ends a random agent every 2 s and the broker every 30 s. `counts` says who was ended how often."""

    def __init__(self, ready_file: Path, random: Random) -> None:
        self.counts: Counter[str] = Counter()
        self._ready_file = ready_file
        self._random = random

    async def run(self, seconds: float) -> None:
        """Kill for as long as the storm lasts."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        next_broker = KILL_BROKER_EVERY_SECONDS / 2
        number = 0
        while (number := number + 1) * KILL_EVERY_SECONDS < seconds:
            await asyncio.sleep(max(0.0, began + number * KILL_EVERY_SECONDS - loop.time()))
            self._kill(self._random.choice(AGENTS))
            if loop.time() - began >= next_broker:
                next_broker += KILL_BROKER_EVERY_SECONDS
                self._kill("broker")

    def _kill(self, name: str) -> None:
        pid = json.loads(self._ready_file.read_text())["pids"].get(name)
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, TypeError):
            return  # it is between two lives
        self.counts[name] += 1


class Faults:
    """Lets carrier and inbox fail now and then."""

    PLACES: Final = ("carrier", "inbox/demo")

    def __init__(self, simulator_url: str, random: Random) -> None:
        self._url = f"{simulator_url}/faults"
        self._random = random

    async def run(self, seconds: float) -> None:
        """Change what goes wrong every second, and let nothing go wrong in the end."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        async with aiohttp.ClientSession() as session:
            while loop.time() < end:
                for place in self.PLACES:
                    fault: dict[str, Any] = {**self._random.choice(FAULTS), "probability": FAILING}
                    async with session.put(f"{self._url}/{place}", json=fault) as answer:
                        assert answer.status < 300, await answer.text()
                await asyncio.sleep(FAULT_EVERY_SECONDS)
            for place in self.PLACES:
                async with session.delete(f"{self._url}/{place}") as answer:
                    assert answer.status < 300, await answer.text()
