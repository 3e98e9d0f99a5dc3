"""How `smsout up` comes together: broker, topics, directory, agents, ready file; and all the way back."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from agents.local.broker.answering import answers
from agents.local.broker.apache import ApacheKafka
from agents.local.console import say
from agents.local.launch import Launch
from agents.local.up import observe
from agents.local.up.allowed_addresses import SETTING, allowed_addresses
from agents.local.up.installation import demo, people
from agents.local.up.installation.data_dir import BROKER, DataDir, new_pepper
from agents.local.up.installation.lost_pepper import refuse_lost_pepper
from agents.local.up.port_plan import Ports, PortsKind
from agents.local.up.ready_file import ReadyFile
from agents.local.up.reports import Reports
from agents.local.up.roster import ROSTER, Process, Surroundings, processes_of, reachable_host
from agents.local.up.summary import summary
from agents.local.up.supervision.pulse import ANSWER_SECONDS
from agents.local.up.supervision.service import Service
from agents.local.up.supervision.supervisor import Supervisor
from pipeline.directory.callback_secrets import CallbackSealer
from pipeline.directory.carrier_secrets import CarrierSealer
from pipeline.directory.credentials import PasswordSealer
from pipeline.errors import ConfigurationError
from pipeline.kafka.admin import topic_admin
from pipeline.kafka.directory.apply import apply_file
from pipeline.settings import AgentSettings, KafkaSettings, RetrySettings, TopicSettings

DEFAULT_BROKER_PORT: Final = 9092
BROKER_STOP_SECONDS: Final = 30.0
OBSERVER_STOP_SECONDS: Final = 10.0
BROKER_ASK_SECONDS: Final = 5.0  # each question is a client of its own
BEYOND_DRAIN_SECONDS: Final = 5.0
EXTERNAL: Final = "external"


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The options of `smsout up`."""

    data_dir: Path
    ready_file: Path | None = None
    ports: PortsKind = PortsKind.DEFAULT
    directory: Path | None = None
    carrier_url: str | None = None
    callback_url: str | None = None
    observe: bool = False
    verbose: bool = False
    """Whether the console has every line that the log file has."""


def up(options: UpOptions) -> None:
    """Run the system until it is told to stop.

    Raises `ConfigurationError`, `BrokerUnreachable` or `DidNotStart`, after everything that was started has stopped.
    """
    for option, url in (("--carrier-url", options.carrier_url), ("--callback-url", options.callback_url)):
        if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ConfigurationError(f"{option} must be an http or https URL, not {url!r}")
    System(options).run()


class System:
    """One `smsout up`."""

    def __init__(self, options: UpOptions) -> None:
        self._options = options
        self._data = DataDir(options.data_dir).open()
        self._reports = Reports(self._data.log_file, verbose=options.verbose)
        self._ports = Ports(options.ports)
        self._ready_file = ReadyFile(options.ready_file)
        self._content: dict[str, Any] = {}
        self._everything_is_ready = False
        self._processes: list[Process] = []
        self._prometheus: Launch | None = None

    def run(self) -> None:
        """Prepare what needs no event loop, then supervise."""
        external = os.environ.get("SMSOUT_KAFKA_BOOTSTRAP_SERVERS")
        broker = None if external else self._prepare_broker()
        bootstrap_servers = external or f"127.0.0.1:{self._broker_port}"
        self._kafka = KafkaSettings(bootstrap_servers=bootstrap_servers)
        kept = self._data.pepper()
        self._pepper, self._pepper_is_new = kept or new_pepper(), kept is None
        ports = {
            spec.port_variable: self._ports.for_variable(spec.port_variable, spec.port, spec.name)
            for spec in ROSTER
            if spec.port_variable
        }
        simulator_url = f"http://{reachable_host('SMSOUT_SIMULATOR_HOST')}:{ports['SMSOUT_SIMULATOR_PORT']}"
        self._demo_urls = demo.DemoUrls(
            self._options.callback_url or f"{simulator_url}/inbox/demo",
            self._options.carrier_url or f"{simulator_url}/carrier/segments",
        )
        ingress_url = f"http://{reachable_host('SMSOUT_INGRESS_HOST')}:{ports['SMSOUT_INGRESS_PORT']}"
        callback_addresses = allowed_addresses(simulator_url, self._options.callback_url)
        around = Surroundings(
            bootstrap_servers,
            os.environ.get("SMSOUT_STATE_DIR", str(self._data.path / "state")),
            ports,
            {
                "SMSOUT_PEPPER": self._pepper.get_secret_value(),
                "SMSOUT_KEY_FILE": str(self._data.key_file.absolute()),
                "SMSOUT_CARRIER_KEY_FILE": str(self._data.carrier_key_file.absolute()),
                "SMSOUT_CALLBACK_KEY_FILE": str(self._data.callback_key_file.absolute()),
                "SMSOUT_RECEIPT_KEY": self._data.receipt_key().get_secret_value(),
            },
            metrics_port=lambda default: self._ports.get(default, "metrics"),
            extra={
                "delivery": {
                    "SMSOUT_DELIVERY_RECEIPT_BASE_URL": os.environ.get("SMSOUT_DELIVERY_RECEIPT_BASE_URL", ingress_url)
                },
                "callback": {SETTING: callback_addresses},
                "ingress": {SETTING: callback_addresses},  # it takes no callback URL that cannot be called
                "panel": {
                    SETTING: callback_addresses,  # likewise
                    "SMSOUT_PANEL_INGRESS_URLS": os.environ.get("SMSOUT_PANEL_INGRESS_URLS", ingress_url),
                },
                "simulator": {
                    "SMSOUT_SIMULATOR_LEDGER_FILE": os.environ.get(
                        "SMSOUT_SIMULATOR_LEDGER_FILE", str(self._data.carrier_ledger)
                    )
                },
            },
        )
        self._processes = [process for spec in ROSTER for process in processes_of(spec, around)]
        self._content = {
            "ingress_url": ingress_url,
            "panel_url": f"http://{reachable_host('SMSOUT_PANEL_HOST')}:{ports['SMSOUT_PANEL_PORT']}",
            "message_log_url": (
                f"http://{reachable_host('SMSOUT_MESSAGE_LOG_HOST')}:{ports['SMSOUT_MESSAGE_LOG_PORT']}"
            ),
            "simulator_url": simulator_url,
            "bootstrap_servers": bootstrap_servers,
            "broker": EXTERNAL if external else BROKER,
            "metrics": {process.name: f"{process.base_url}/metrics" for process in self._processes},
        }
        if self._options.observe:
            port = self._ports.get(observe.DEFAULT_PORT, "prometheus")
            self._prometheus = observe.prepare(self._data.path / "prometheus", port, self._processes)
            self._content["prometheus_url"] = f"http://127.0.0.1:{port}"
        asyncio.run(self._run(broker))

    def _prepare_broker(self) -> Launch:
        folder = self._data.broker_folder()
        self._broker_port = self._ports.get(DEFAULT_BROKER_PORT, "broker")
        return ApacheKafka().prepare(folder, self._broker_port)

    async def _run(self, broker: Launch | None) -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._begin_stop, stopping)
        self._supervisor = Supervisor()
        # Open until the last process has ended: those whose turn to stop has not come are watched until then.
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)) as session:
            try:
                await self._run_until_stopped(broker, session, stopping)
            finally:
                self._everything_is_ready = False  # from here on nothing is published any more
                self._ready_file.remove()
                await self._supervisor.stop()
                self._reports.close()

    async def _run_until_stopped(
        self, broker: Launch | None, session: aiohttp.ClientSession, stopping: asyncio.Event
    ) -> None:
        """Start everything, and return when it is to stop. Raises what has made it impossible to go on."""
        starting = asyncio.create_task(self._start(broker, session))
        stopped = asyncio.create_task(stopping.wait())
        endings: set[asyncio.Future[Any]] = {stopped, self._supervisor.broken}
        try:
            await asyncio.wait(endings | {starting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
            if self._supervisor.broken.done():
                self._supervisor.kill()  # without one of them the others may never be drained
                self._supervisor.broken.result()
        finally:
            starting.cancel()
            stopped.cancel()
            await asyncio.wait({starting, stopped})

    def _begin_stop(self, stopping: asyncio.Event) -> None:
        if stopping.is_set():
            say("killing everything that still runs")
            self._supervisor.kill()
        else:
            say("stopping; once more to stop at once")
            stopping.set()

    async def _start(self, broker: Launch | None, session: aiohttp.ClientSession) -> None:
        if broker is not None:
            address = self._kafka.bootstrap_servers
            self._supervisor.start(
                [
                    Service(
                        "broker", broker, lambda: answers(address), self._reports.event, self._publish,
                        stop_seconds=BROKER_STOP_SECONDS, state_changed=self._publish, ask_seconds=BROKER_ASK_SECONDS,
                        output=self._reports.output,
                    )
                ]
            )  # fmt: skip
            await self._supervisor.wait_until_ready()
        for report in await topic_admin.apply(self._kafka, TopicSettings(), RetrySettings()):
            for drift in report.drifts:
                say(f"topic {report.topic.name}: {drift.setting} is {drift.found}, not {drift.wanted}; left as it is")
        if self._pepper_is_new:
            await refuse_lost_pepper(self._data.pepper_file, self._kafka, self._options.directory)
            self._data.keep_pepper(self._pepper)
        # Before delivery and callback start, which only read them.
        carrier_sealer = CarrierSealer.from_file(self._data.carrier_key_file, make=True)
        callback_sealer = CallbackSealer.from_file(self._data.callback_key_file, make=True)
        if self._options.directory:
            sealer = PasswordSealer.from_file(self._data.key_file)
            pepper = self._pepper.get_secret_value().encode()
            applied = await apply_file(
                self._options.directory, self._kafka, pepper, sealer, carrier_sealer, callback_sealer
            )  # fmt: skip
            for trunk, account_name, password in applied.issued:
                username = trunk.credentials[0].username
                say(
                    f"new trunk {account_name} / {trunk.name}: username {username}, password {password}, shown only now"
                )
        else:
            demo_trunk = await demo.provide(
                self._data.path / "demo.json", self._kafka, self._pepper, self._data.key_file, self._demo_urls
            )
            if demo_trunk:
                self._content["trunk"] = demo_trunk
        # Before the panel starts: from then on nobody else writes the directory.
        if first_people := await people.seed_panel_users(self._data.path / "panel.json", self._kafka):
            self._content["panel"] = first_people
        drain = AgentSettings().drain_timeout_seconds + BEYOND_DRAIN_SECONDS
        self._supervisor.start(
            [
                Service(
                    process.name, process.launch, _check(session, f"{process.base_url}/readyz"), self._reports.event,
                    self._publish, stop_seconds=drain, state_changed=self._publish, output=self._reports.output,
                    is_alive=_check(session, f"{process.base_url}/healthz"),
                )
                for process in self._processes
            ]
        )  # fmt: skip
        if self._prometheus is not None:
            url = f"{self._content['prometheus_url']}/-/ready"
            service = Service(
                "prometheus", self._prometheus, _check(session, url), self._reports.event, self._publish,
                stop_seconds=OBSERVER_STOP_SECONDS, state_changed=self._publish, output=self._reports.output,
            )  # fmt: skip
            self._supervisor.start([service])
        await self._supervisor.wait_until_ready()
        self._everything_is_ready = True
        self._publish()
        say(summary(self._ready_file.content or {}, str(self._data.path), str(self._reports.path)))

    def _publish(self) -> None:
        if self._everything_is_ready:
            pids = {service.name: service.pid for service in self._supervisor.services}
            states = {
                service.name: {
                    "state": service.state, "restarts": service.restarts, "last_end": service.last_end,
                }
                for service in self._supervisor.services
            }  # fmt: skip
            try:
                self._ready_file.publish({**self._content, "pids": pids, "states": states})
            except ConfigurationError as error:
                if self._ready_file.content is None:
                    raise
                # Its disk is full, perhaps: no reason to end what runs.
                self._reports.event("up", str(error))


def _check(session: aiohttp.ClientSession, url: str) -> Callable[[], Awaitable[bool]]:
    async def is_fine() -> bool:
        try:
            async with session.get(url) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    return is_fine
