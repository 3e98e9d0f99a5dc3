"""Brokers for everybody, and what a running system has to say about a failed test."""

import asyncio
import os
from collections.abc import Generator, Iterator

import hypothesis
import pytest
import structlog

from tests import systems
from tests.brokers import share_kafka_jars
from tests.scheduling import ALONE, SHARING, Scheduling, fills_gaps, leave_more_to_others
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

if fills_gaps(os.environ.get("PYTEST_XDIST_WORKER", ""), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))):
    leave_more_to_others()


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    alone = [it for it in items if it.get_closest_marker("alone") is not None]
    if wrong := {it.nodeid for it in alone} ^ {it.nodeid for it in items if it.nodeid.startswith(ALONE)}:
        raise pytest.UsageError(f"what bears the mark `alone` stands in tests/scheduling.py: {sorted(wrong)}")
    for system, files in SHARING.items():
        users = [it.nodeid for it in items if system in getattr(it, "fixturenames", ())]
        if strays := [it for it in users if not it.startswith(files)]:
            raise pytest.UsageError(f"what uses `{system}` stands in SHARING of tests/scheduling.py: {strays}")
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
