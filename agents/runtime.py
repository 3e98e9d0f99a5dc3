"""What every agent's process has: logs, /metrics, /healthz, /readyz, signals and exit codes.

An agent is a coroutine that runs until its `Agent.stopping` is set and then drains. Any error that it does not
handle ends the process with a code that says what kind it was; the supervisor starts it again and it replays.
"""

import asyncio
import importlib.metadata
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TextIO, cast

import structlog
import uvloop
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, disable_created_metrics, generate_latest
from pydantic import ValidationError

from agents import certificates, clock, core_dumps, priority
from agents.exit_codes import EXIT_CONFIGURATION, EXIT_SOFTWARE, EXIT_UNAVAILABLE
from agents.memory import collect_seldom
from agents.serving.connections import Connections
from agents.serving.protocol import AppRunner
from pipeline.disk import ADVICE, is_full
from pipeline.errors import BrokerUnreachable, ConfigurationError, DiskFull, LogUnavailable, SmsoutError
from pipeline.metrics import BUILD, READY
from pipeline.settings import AgentSettings, StateSettings
from pipeline.slot import Slot
from pipeline.tracing.opening import open_exporter
from pipeline.tracing.spans import UNTRACED, Tracing

MAX_HEALTH_CONNECTIONS: Final = 64
"""To /metrics, /healthz and /readyz; they come out of the files that are spared for it."""

log = structlog.get_logger(__name__)


@dataclass
class Agent:
    """One running agent."""

    name: str
    settings: AgentSettings
    slot: Slot
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ready: Callable[[], bool] = field(default=lambda: False)
    """Answers /readyz: can it do its work right now?"""
    tracing: Tracing = UNTRACED


class _Repeats(logging.Filter):
    """Lets a library say the same thing once in ten seconds: a broker that is down is news only so often."""

    INTERVAL_SECONDS: Final = 10.0

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place = (record.name, str(record.msg))
        if record.created - self._said.get(place, 0.0) < self.INTERVAL_SECONDS:
            return False
        if len(self._said) > 1000:
            self._said.clear()
        self._said[place] = record.created
        return True


class _Output:
    """Standard output, where a line that cannot be written is lost: a log on a full disk must end no work."""

    def write(self, text: str) -> None:
        """Write some of it, perhaps."""
        with suppress(OSError):
            sys.stdout.write(text)

    def flush(self) -> None:
        """Let it go out, if it can."""
        with suppress(OSError):
            sys.stdout.flush()


def configure_logging(name: str, level: str) -> None:
    """Log JSON lines to stdout, stamped with the agent's name; libraries below warning are left out."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Output())),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_Repeats())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


async def _serve_health(agent: Agent) -> AppRunner:
    # They double the series, and nobody asks when a counter began.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    BUILD.labels(agent.name, str(agent.slot.number), importlib.metadata.version("smsout")).set(1)
    READY.set_function(lambda: float(agent.ready() and not agent.stopping.is_set()))

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_: web.Request) -> web.Response:
        able = agent.ready() and not agent.stopping.is_set()
        return web.Response(text="ready\n" if able else "not ready\n", status=200 if able else 503)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", alive), web.get("/readyz", ready)])
    runner = AppRunner(app, Connections("health", MAX_HEALTH_CONNECTIONS, MAX_HEALTH_CONNECTIONS))
    await runner.setup()
    await web.TCPSite(runner, agent.settings.host, agent.settings.metrics_port).start()
    return runner


async def _run(name: str, main: Callable[[Agent], Awaitable[None]], settings: AgentSettings, *, traced: bool) -> None:
    collect_seldom()
    agent = Agent(name, settings, Slot.take(StateSettings().state_dir, name))
    log.info("slot_taken", agent=name, slot=agent.slot.number, identity=agent.slot.identity)
    exporter = open_exporter(name, agent.slot.identity) if traced else None
    if exporter is not None:
        agent.tracing = Tracing(exporter)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.stopping.set)
    health = await _serve_health(agent)
    watching = [asyncio.create_task(it) for it in (certificates.watch(settings.watched_certificates), clock.watch())]
    try:
        await main(agent)
    except Exception as error:  # noqa: BLE001  # logged, and the process ends with its code
        # Not after the loop's own end: that waits for all tasks, and Faust starts some anew when they are cancelled.
        _exit_for(name, next(iter(_leaves(error))) if isinstance(error, BaseExceptionGroup) else error)
    finally:
        for task in watching:
            task.cancel()
        await health.cleanup()
        if exporter is not None:
            exporter.close()


def run(name: str, main: Callable[[Agent], Awaitable[None]], *, traced: bool = False, gives_way: bool = False) -> None:
    """Run an agent's process to its end; exits with 0 after a drain, else with the kind of failure.

    `traced`: it makes spans of what passes through it. `gives_way`: on a full machine the others come first.
    """
    try:
        core_dumps.forbid()
        configure_logging(name, "info")  # for what is wrong with the settings themselves
        settings = AgentSettings()
        configure_logging(name, settings.log_level)
        structlog.get_logger().info("starting", agent=name, pid=os.getpid())
        priority.work_in_batches()
        if gives_way:
            priority.give_way()
        uvloop.run(_run(name, main, settings, traced=traced))
    except BaseExceptionGroup as group:
        _exit_for(name, next(iter(_leaves(group))))
    except BaseException as error:  # noqa: BLE001  # the last line of defence: every end is logged and has a code
        _exit_for(name, error)
    log.info("stopped", agent=name)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _full_disk(error: BaseException) -> str | None:
    """Return what says that there is no room, when that has ended the process; None when something else has."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DiskFull) or is_full(cause):
            return str(error if isinstance(error, SmsoutError) else cause)
        cause = cause.__cause__
    return None


def _exit_for(name: str, error: BaseException) -> None:
    if isinstance(error, SystemExit):
        raise error
    if isinstance(error, ValidationError | ConfigurationError):
        log.critical("bad_configuration", agent=name, error=str(error))
        code = EXIT_CONFIGURATION
    elif isinstance(error, BrokerUnreachable):
        log.critical("broker_unreachable", agent=name, error=str(error))
        code = EXIT_UNAVAILABLE
    elif isinstance(error, LogUnavailable):
        log.critical("message_log_unavailable", agent=name, error=str(error))
        code = EXIT_UNAVAILABLE
    elif (full := _full_disk(error)) is not None:
        log.critical("disk_full", agent=name, error=full, do=ADVICE)
        code = EXIT_UNAVAILABLE
    else:
        kind = error.code if isinstance(error, SmsoutError) else "internal-error"
        log.critical("failed", agent=name, code=kind, error=repr(error), exc_info=error)
        code = EXIT_SOFTWARE
    with suppress(OSError):
        sys.stdout.flush()
    # Not sys.exit: a client library's thread or half-closed connection must not keep a failed agent alive.
    os._exit(code)
