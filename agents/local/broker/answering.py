"""Is anybody there? A broker is up when it answers a metadata request, not when its port is open."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError


async def answers(bootstrap_servers: str, limit_seconds: float = 2.0) -> bool:
    """Tell whether a broker answers a metadata request."""
    host, _, port = bootstrap_servers.partition(",")[0].rpartition(":")
    try:
        async with asyncio.timeout(limit_seconds):
            # Asked first because a refused connection costs the client below a log line and a pause.
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            client = AIOKafkaClient(bootstrap_servers=bootstrap_servers, client_id="smsout-probe")
            try:
                await client.bootstrap()
                return bool(client.cluster.brokers())
            finally:
                await client.close()
    except (KafkaError, TimeoutError, OSError):
        return False


def answers_now(bootstrap_servers: str) -> bool:
    """Ask the same from synchronous code, whether or not an event loop runs around it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(answers(bootstrap_servers))).result()
