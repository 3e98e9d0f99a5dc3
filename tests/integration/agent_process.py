"""An agent as a process of its own: what it says about itself, and how it ends."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from agents.local.ports import free_port
from tests.builders import RECEIPT_KEY
from tests.integration.patience import LIMIT_SECONDS, until

SIGNING = ("ingress", "delivery")


@dataclass
class AgentProcess:
    """A process, the port of its health and metrics, and its log."""

    process: asyncio.subprocess.Process
    metrics_port: int
    log: Path

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and text of an answer; 0 when it does not listen yet. Fails when it has ended."""
        assert self.process.returncode is None, self.log.read_text()
        try:
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"http://127.0.0.1:{self.metrics_port}{path}") as answer,
            ):
                return answer.status, await answer.text()
        except aiohttp.ClientError:
            return 0, ""

    async def until_ready(self, wanted: bool = True) -> None:
        """Wait until it can do its work, or cannot."""

        async def as_wanted() -> bool:
            return ((await self.get("/readyz"))[0] == 200) is wanted

        await until(as_wanted)

    async def metric(self, name: str) -> float:
        """Return the value of a sample, named with its labels; 0 when it is not there yet."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", (await self.get("/metrics"))[1], re.MULTILINE)
        return float(found[1]) if found else 0.0

    def peak_memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024

    def processor_seconds(self) -> float:
        """Return how long it has been at work."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def ended(self) -> int:
        """Wait for its end; return its exit code."""
        async with asyncio.timeout(LIMIT_SECONDS):
            return await self.process.wait()

    async def stop(self) -> int:
        """End it as an operator would; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()


@asynccontextmanager
async def agent_process(name: str, log: Path, environment: Mapping[str, str]) -> AsyncIterator[AgentProcess]:
    """Run `python -m agents.<name>` until the context ends, with these settings and no others.

    Whoever signs or knows references has the tests' receipt key.
    """
    port = free_port()
    ours = {setting: value for setting, value in os.environ.items() if not setting.startswith("SMSOUT_")}
    if name in SIGNING:
        ours["SMSOUT_RECEIPT_KEY"] = RECEIPT_KEY.decode()
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"agents.{name}", stdout=output, stderr=output,
            env=ours | {"SMSOUT_METRICS_PORT": str(port)} | dict(environment),
        )  # fmt: skip
    try:
        yield AgentProcess(process, port, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
