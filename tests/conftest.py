"""Brokers for everybody, and what a running system has to say about a failed test."""

import asyncio
import os
from collections.abc import Generator, Iterator

import hypothesis
import pytest
import structlog
from xdist.scheduler import LoadFileScheduling

from tests import systems
from tests.brokers import share_kafka_jars
from tests.turns import turn

share_kafka_jars()

# Brokers of tests live for minutes at most: the compiler that makes long-lived ones fast would not pay off.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

# How long one example takes says how busy the machine is.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# pytest-asyncio asks for the current event loop before the first test; without this, Python 3.11 makes one for it that
# nobody closes, and whichever test the garbage collector strikes in fails over the ResourceWarning.
asyncio.set_event_loop(None)


ALONE = (
    "tests/crash/test_cluster.py::",
    "tests/crash/test_restart.py::",
    "tests/integration/test_callback_neighbours.py::",
    "tests/integration/test_delivery.py::test_a_dead_carrier_delays_no_other",
    "tests/integration/test_panel_api.py::test_a_large_directory",
)
"""What bears the mark `alone`: the scheduler is told nothing but ids."""

SHARING = {
    "shared_system": (
        "tests/e2e/test_callback_",
        "tests/e2e/test_limits.py",
        "tests/e2e/test_panel_",
        "tests/e2e/test_scheduling.py",
        "tests/e2e/test_short_codes.py",
    ),
    "demo_system": (
        "tests/e2e/test_first_message.py",
        "tests/e2e/test_mixed_load.py",
        "tests/e2e/test_restarts.py",
    ),
}
"""How the files begin that share a running system of tests/e2e/conftest.py, by its fixture."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # it ships no types
    """Files go to the workers whole, and those that share a running system with a browser to one of them.

    Tests that want the machine for themselves come last, all on one worker: so nobody waits for anybody before that.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ALONE):
            return "alone"
        file = nodeid.partition("::")[0]
        return next((system for system, files in SHARING.items() if file.startswith(files)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    alone = [it for it in items if it.get_closest_marker("alone") is not None]
    if wrong := {it.nodeid for it in alone} ^ {it.nodeid for it in items if it.nodeid.startswith(ALONE)}:
        raise pytest.UsageError(f"what bears the mark `alone` stands in tests/conftest.py: {sorted(wrong)}")
    for system, files in SHARING.items():
        users = [it.nodeid for it in items if system in getattr(it, "fixturenames", ())]
        if strays := [it for it in users if not it.startswith(files)]:
            raise pytest.UsageError(f"what uses `{system}` stands in SHARING of tests/conftest.py: {strays}")
    items[:] = [it for it in items if it not in alone] + alone


@pytest.fixture(autouse=True)
def _logs_as_usual() -> Iterator[None]:
    """What a command says about logging is about its process, and a test of one must not silence the next test."""
    yield
    structlog.reset_defaults()


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before the clock of pytest-timeout starts
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [(f"smsout up, {log}", systems.tail(log)) for log in systems.running.values()]
    return report
