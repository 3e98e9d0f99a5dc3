"""`smsout broker`: one broker in the foreground, until it ends or is told to."""

import asyncio
import signal
from pathlib import Path
from typing import Final

from agents.local.broker.answering import answers
from agents.local.broker.apache import ApacheKafka
from agents.local.child import Child
from agents.local.console import say
from agents.local.launch import Launch
from agents.local.ports import is_free
from pipeline.errors import BrokerUnreachable, ConfigurationError

STOP_SECONDS: Final = 30.0


def run_in_foreground(data_dir: Path, port: int) -> None:
    """Run the broker until SIGTERM, SIGINT or its own end.

    Raises `ConfigurationError` when it cannot start here, `BrokerUnreachable` when it ended by itself.
    """
    if not is_free(port):
        raise ConfigurationError(f"the port {port} is taken; choose another one with --port")
    asyncio.run(_run(ApacheKafka().prepare(data_dir, port), port))


async def _run(launch: Launch, port: int) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    child = await Child(launch, say).start()
    ended = asyncio.create_task(child.wait())
    announced = asyncio.create_task(_announce(port))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    announced.cancel()
    if stopping.is_set():
        await child.stop(STOP_SECONDS)
        return
    stopped.cancel()
    last = next((line for line in reversed(child.tail) if line.strip()), "it said nothing")
    raise BrokerUnreachable(f"the broker ended with code {child.exit_code}: {last[:400]}")


async def _announce(port: int) -> None:
    address = f"127.0.0.1:{port}"
    while not await answers(address):  # noqa: ASYNC110  # another process has no event to wait for
        await asyncio.sleep(0.1)
    say(f"the broker answers at {address}; SMSOUT_KAFKA_BOOTSTRAP_SERVERS={address}")
