"""`python -m agents.simulator [--ledger-file F]`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
from aiohttp import web

from agents.runtime import Agent, run
from agents.simulator.app import Simulator
from agents.simulator.settings import SimulatorSettings
from pipeline.errors import ConfigurationError

SHUTDOWN_SECONDS = 2.0  # a delay that a fault makes must not hold up the end

log = structlog.get_logger(__name__)


async def serve(agent: Agent, settings: SimulatorSettings) -> None:
    """Serve until the agent stops."""
    simulator = Simulator(settings)
    runner = web.AppRunner(
        simulator.app(), access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS, keepalive_timeout=75
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {settings.host}:{settings.port} (SMSOUT_SIMULATOR_HOST, _PORT): {error.strerror}"
            ) from error
        async with asyncio.TaskGroup() as work:
            background = [work.create_task(simulator.ledger.run()), work.create_task(simulator.receipts.run())]
            host, port = runner.addresses[0][:2]
            log.info("listening", url=f"http://{host}:{port}")
            agent.ready = lambda: True
            await agent.stopping.wait()
            await runner.cleanup()
            for task in background:
                task.cancel()
    finally:
        await runner.cleanup()
        simulator.ledger.close()


def main(arguments: Sequence[str] = ()) -> None:
    """Run the simulator; `arguments` are those of the command line after the program's name."""
    parser = argparse.ArgumentParser(prog="simulator", description="A practice carrier and a callback inbox.")
    parser.add_argument(
        "--ledger-file", type=Path, help="append every ledger entry here and fsync it before the answer"
    )
    given = parser.parse_args(arguments)

    async def start(agent: Agent) -> None:
        settings = SimulatorSettings()
        if given.ledger_file is not None:
            settings = settings.model_copy(update={"ledger_file": given.ledger_file})
        await serve(agent, settings)

    run("simulator", start)


if __name__ == "__main__":
    main(sys.argv[1:])
