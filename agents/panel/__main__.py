"""`python -m agents.panel`: what is started, and in which order it stops."""

import asyncio

import structlog
from aiohttp import web

from agents.panel.app import build
from agents.panel.attempts import Attempts
from agents.panel.audit import AuditLog
from agents.panel.broker_writer import BrokerWriter
from agents.panel.operations import Limits, Operations, Tools
from agents.panel.page import Page
from agents.panel.pages import PAGES
from agents.panel.security.cookies import Cookies
from agents.panel.security.log_in import LogIns
from agents.panel.security.passwords import Passwords
from agents.panel.security.sessions import Sessions
from agents.panel.security.throttle import Throttle
from agents.panel.statuses import Statuses
from agents.runtime import Agent, run
from pipeline.directory.credentials import PasswordSealer
from pipeline.errors import ConfigurationError
from pipeline.http.client_address import Networks
from pipeline.kafka.directory.writer import DirectoryWriter
from pipeline.settings import KafkaSettings, MessageSettings, PanelKeySettings, PanelSettings, PepperSettings

log = structlog.get_logger(__name__)


async def serve(agent: Agent) -> None:
    """Serve until the agent stops, or until another panel takes over, which ends this one with its reason."""
    await Panel(agent, PAGES).run()


class Panel:
    """One panel process, put together from its settings. Raises `ConfigurationError` for one that cannot work."""

    def __init__(self, agent: Agent, pages: tuple[Page, ...]) -> None:
        self._agent = agent
        self._pages = pages
        self._settings = settings = PanelSettings()
        kafka = KafkaSettings()
        try:
            self._trusted = Networks(settings.trusted_proxies)
        except ValueError as error:
            raise ConfigurationError(f"SMSOUT_PANEL_TRUSTED_PROXIES: {error}") from error
        self._cookies = Cookies(settings.public_url, settings.host, settings.port)
        self._directory_writer = DirectoryWriter(kafka)
        self._broker_writer = BrokerWriter(kafka, "panel", settings.write_timeout_seconds)
        self._audit = AuditLog(kafka, self._broker_writer)
        passwords = Passwords()
        tools = Tools(
            self._directory_writer,
            self._audit,
            self._broker_writer,
            passwords,
            PasswordSealer.from_file(PanelKeySettings().key_file),
            PepperSettings().pepper.get_secret_value().encode(),
            Limits(MessageSettings().max_segments, settings.ingress_urls),
        )
        self._operations = Operations(tools)
        self._statuses = Statuses(kafka, self._operations.sent)
        self._attempts = Attempts(kafka, self._operations)
        sessions = Sessions(settings.idle_timeout_seconds, settings.session_timeout_seconds)
        self._log_ins = LogIns(self._operations, passwords, self._audit, sessions, Throttle())

    async def run(self) -> None:
        """Serve."""
        try:
            await self._directory_writer.start(take_over=self._settings.take_over)
            await self._audit.start()
            await self._statuses.start()
            await self._attempts.start()
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(self._directory_writer.until_replaced()),
                    tasks.create_task(self._audit.follow()),
                    tasks.create_task(self._statuses.follow()),
                    tasks.create_task(self._attempts.follow()),
                ]
                runner = await self._listen()
                self._agent.ready = lambda: True
                try:
                    await self._agent.stopping.wait()
                finally:
                    await runner.cleanup()
                for task in background:
                    task.cancel()
        finally:
            await self._directory_writer.stop()
            await self._broker_writer.stop()
            await self._audit.stop()
            await self._statuses.stop()
            await self._attempts.stop()

    async def _listen(self) -> web.AppRunner:
        app = build(
            self._operations,
            self._log_ins,
            self._cookies,
            self._pages,
            trusted_proxies=self._trusted,
            max_body_bytes=self._settings.max_body_bytes,
        )
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=self._agent.settings.drain_timeout_seconds
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigurationError(
                f"the panel cannot listen on {self._settings.host}:{self._settings.port}: {error}"
            ) from error
        return runner


def main() -> None:
    """Run the process."""
    run("panel", serve)


if __name__ == "__main__":
    main()
