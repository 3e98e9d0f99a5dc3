"""`python -m agents.panel`: what is started, and in which order it stops."""

import asyncio
from typing import Final

from aiohttp import web

from agents.panel.app import build
from agents.panel.attempts import Attempts
from agents.panel.audit import AuditLog
from agents.panel.figures import DayFigures, DirectoryFigures
from agents.panel.log_reader import LogReader
from agents.panel.memory import Memory
from agents.panel.operations.operations import Operations
from agents.panel.operations.ports import CredentialKeys
from agents.panel.pages import PAGES
from agents.panel.restarting_producer import RestartingProducer
from agents.panel.security.cookies import Cookies
from agents.panel.security.devices import Devices
from agents.panel.security.log_in import LogIns
from agents.panel.security.passwords import Passwords
from agents.panel.security.sessions import Sessions
from agents.panel.security.throttle import Throttle
from agents.panel.statuses import Statuses
from agents.runtime import Agent, run
from agents.serving.connections import Connections, affordable
from agents.serving.protocol import AppRunner
from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.directory.credentials import PasswordSealer
from pipeline.errors import ConfigurationError
from pipeline.http.addresses import AddressGuard
from pipeline.http.client_address import Networks
from pipeline.kafka.admin.broker_figures import BrokerFigures
from pipeline.kafka.directory.writer import DirectoryWriter
from pipeline.kafka.views.counts_view import CountsView
from pipeline.kafka.views.opt_outs_view import OptOutsView
from pipeline.kafka.views.topic_follower import TopicFollower
from pipeline.settings import (
    CallbackKeySettings,
    CallbackSettings,
    CarrierKeySettings,
    GrafanaSettings,
    KafkaSettings,
    MessageSettings,
    PanelKeySettings,
    PanelSettings,
    PepperSettings,
    RetrySettings,
)
from schemas.state.remembered import Remembered
from schemas.topics import STATUS

MAX_CONNECTIONS: Final = 1000
MAX_CONNECTIONS_PER_ADDRESS: Final = 256  # a browser takes six, and an office has one address


async def serve(agent: Agent) -> None:
    """Serve until the agent stops, or until another panel takes over, which ends this one with its reason."""
    await Panel(agent).run()


class Panel:
    """One panel process, put together from its settings. Raises `ConfigurationError` for one that cannot work."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._settings = settings = PanelSettings()
        kafka = KafkaSettings()
        try:
            self._trusted = Networks(settings.trusted_proxies)
        except ValueError as error:
            raise ConfigurationError(f"SMSOUT_PANEL_TRUSTED_PROXIES: {error}") from error
        self._cookies = Cookies(settings.public_url, settings.host, settings.port)
        self._directory_writer = DirectoryWriter(kafka, patience_seconds=settings.write_timeout_seconds)
        self._producer = RestartingProducer(kafka, "panel", settings.write_timeout_seconds)
        self._log = LogReader.from_settings()
        self._audit = AuditLog(kafka, self._producer)
        passwords, pepper = Passwords(), PepperSettings().pepper.get_secret_value().encode()
        sealer = PasswordSealer.from_file(PanelKeySettings().key_file)
        carrier_sealer = CarrierSealer.making(CarrierKeySettings().key_file)
        callback_sealer = CallbackSealer.making(CallbackKeySettings().key_file)
        self._counts = CountsView(kafka, client_id="panel-counts", grows=True)
        self._operations = Operations(
            self._directory_writer,
            self._audit,
            self._producer,
            passwords,
            CredentialKeys(pepper, sealer, carrier_sealer, callback_sealer),
            log=self._log,
            limits=MessageSettings(),
            callback_delays_seconds=RetrySettings().callback_delays_seconds,
            hosts=settings.ingress_urls,
            callback_addresses=AddressGuard(CallbackSettings().allowed_addresses),
            counts=self._counts.counts,
            tracing=agent.tracing,
        )
        self._statuses = Statuses(
            TopicFollower(kafka, STATUS, client_id="panel-statuses", grows=True), self._operations.messages.sent
        )
        self._directory_figures = DirectoryFigures(self._directory_writer.directory)
        self._day_figures = DayFigures(self._directory_writer.directory, self._counts.counts)
        self._broker_figures = BrokerFigures(kafka, client_id="panel-figures")
        self._attempts = Attempts(kafka, self._operations.callbacks)
        self._opt_outs = OptOutsView(kafka, self._directory_writer.directory.opt_outs, client_id="panel-opt-outs")
        self._memory = Memory(kafka, self._producer)
        self._sessions = Sessions(
            settings.idle_timeout_seconds, settings.session_timeout_seconds, remember=self._memory.remember
        )
        self._log_ins = LogIns(self._operations, passwords, self._sessions, Throttle(), Devices.under(pepper))

    async def run(self) -> None:
        """Serve."""
        try:
            await self._directory_writer.start(take_over=self._settings.take_over)
            await self._opt_outs.start()
            await self._audit.start()
            await self._statuses.start()
            await self._attempts.start()
            await self._counts.start()
            await self._recall()
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(self._directory_writer.until_replaced()),
                    tasks.create_task(self._opt_outs.follow()),
                    tasks.create_task(self._audit.follow()),
                    tasks.create_task(self._statuses.follow()),
                    tasks.create_task(self._attempts.follow()),
                    tasks.create_task(self._directory_figures.follow()),
                    tasks.create_task(self._counts.follow()),
                    tasks.create_task(self._day_figures.follow()),
                    tasks.create_task(self._broker_figures.follow()),
                    tasks.create_task(self._memory.keep()),
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
            await self._memory.stop()
            await self._directory_writer.stop()
            await self._producer.stop()
            await self._opt_outs.stop()
            await self._audit.stop()
            await self._statuses.stop()
            await self._attempts.stop()
            await self._counts.stop()
            self._log.close()

    async def _recall(self) -> None:
        """Take up what the process before has remembered."""
        remembered, last_uses = await self._memory.load(), self._operations.last_uses
        self._sessions.restore(remembered)
        for key, value in remembered.items():
            last_uses.load(key, value.used_at)
        last_uses.keep = lambda key, at: self._memory.remember(key, Remembered(used_at=at))

    async def _listen(self) -> AppRunner:
        app = build(
            self._operations,
            self._log_ins,
            self._cookies,
            PAGES,
            trusted_proxies=self._trusted,
            max_body_bytes=self._settings.max_body_bytes,
            grafana_url=GrafanaSettings().grafana_url,
        )
        connections = Connections("panel", affordable(MAX_CONNECTIONS), MAX_CONNECTIONS_PER_ADDRESS, self._trusted)
        runner = AppRunner(app, connections, shutdown_timeout=self._agent.settings.drain_timeout_seconds)
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
    run("panel", serve, traced=True)


if __name__ == "__main__":
    main()
