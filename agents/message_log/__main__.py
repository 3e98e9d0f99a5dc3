"""`python -m agents.message_log`: what is started, and in which order it stops."""

import asyncio
from typing import Final

import structlog
from aiohttp import web
from aiokafka import TopicPartition

from agents.message_log.api import LogApi
from agents.message_log.catch_up import CatchUp
from agents.runtime import Agent, run
from agents.serving.authentication import Authenticator
from agents.serving.connections import Connections, affordable
from agents.serving.protocol import Server, respond_in_json_api
from pipeline.errors import ConfigurationError
from pipeline.http.client_address import Networks
from pipeline.kafka.views.directory_view import DirectoryView
from pipeline.kafka.views.topics_feed import TopicsFeed
from pipeline.message_log.database import database_url, migrate, reader_engine, writer_engine
from pipeline.message_log.writing.decoding import TOPICS
from pipeline.message_log.writing.writer import LogWriter
from pipeline.settings import KafkaSettings, MessageLogSettings, PepperSettings

CLIENT: Final = "message-log"

log = structlog.get_logger(__name__)


async def serve(agent: Agent) -> None:
    """Follow the topics and answer until the agent stops."""
    settings, kafka, url = MessageLogSettings(), KafkaSettings(), database_url()
    pepper = PepperSettings().pepper.get_secret_value().encode()
    try:
        trusted = Networks(settings.trusted_proxies)
    except ValueError as error:
        raise ConfigurationError(f"SMSOUT_MESSAGE_LOG_TRUSTED_PROXIES: {error}") from error
    engine = writer_engine(url)
    view = DirectoryView(kafka, client_id=CLIENT)
    feed = TopicsFeed(kafka, TOPICS, client_id=CLIENT)
    try:
        migrate(engine)
        writer = LogWriter(engine)
        writer.open()
        await view.start()
        await feed.start({TopicPartition(*place): offset for place, offset in writer.positions.items()})
        readers = reader_engine(url)
        api = LogApi(Authenticator(view.directory, pepper, trusted), view.directory, readers)
        catch_up = CatchUp(feed, writer, view.directory, settings, agent.settings.watchdog_seconds)
        listener = await _listen(api, settings, trusted, agent.settings.drain_timeout_seconds)
        agent.ready = lambda: catch_up.distance.is_near
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(it) for it in (view.follow(), catch_up.watch(), catch_up.sweep())]
                await catch_up.follow(agent.stopping)
                for task in background:
                    task.cancel()
        finally:
            await listener.cleanup()
            api.close()
            catch_up.close()
            readers.dispose()
    finally:
        await feed.stop()
        await view.stop()
        engine.dispose()


async def _listen(
    api: LogApi, settings: MessageLogSettings, trusted: Networks, drain_timeout_seconds: float
) -> web.ServerRunner:
    connections = Connections(
        "message_log", affordable(settings.max_connections), settings.max_connections_per_address, trusted
    )
    server = Server(api.answer, connections, respond_in_json_api)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=drain_timeout_seconds)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigurationError(
            f"the message log cannot listen on {settings.host}:{settings.port}: {error}"
        ) from error
    log.info("listening", host=settings.host, port=site.port)
    return runner


def main() -> None:
    """Run the process."""
    run("message_log", serve)


if __name__ == "__main__":
    main()
