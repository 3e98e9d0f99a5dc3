"""The same load without and with delivery receipts: what these cost, and whether each message gets its final status.

A carrier reports each segment as delivered right after it has taken it, so every message has two callbacks.
"""

import time
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.bench import processes
from tests.bench.load import Target, put_load
from tests.bench.processes import tree_cpu_seconds
from tests.bench.scenarios.stage import Customers, wait_until
from tests.bench.scenarios.verdict import Figure, Verdict
from tests.bench.system import SinkClient, sink, system

CONNECTIONS: Final = 64
WARM_UP_SECONDS: Final = 30
SECONDS: Final = 10
DRAIN_SECONDS: Final = 120.0
FIRST_NUMBER: Final = 12_126_000_000
CALLBACKS: Final = {False: 1, True: 2}  # of a message: handed to the carrier; and delivered


class _Run(NamedTuple):
    accepted: int
    per_second: float
    cpu_us: float
    callbacks: int


def run(folder: Path) -> list[Verdict]:
    """Run a system in `folder` whose carrier reports. Raises `RuntimeError` when it does not start."""
    folder.mkdir()
    with sink() as counting:
        allowed = {"SMSOUT_CALLBACK_ALLOWED_ADDRESSES": counting.url.removeprefix("http://")}
        with system(folder, counting.url + "/carrier", counting.url + "/callback", allowed) as running:
            customers = Customers(running.ready())
            account = customers.account("Receipts")
            trunk = customers.trunk(account, "With receipts", counting.url + "/callback", receipts=True)
            pids = [pid for name, pid in processes(running, running.ready()).items() if name != "broker"]
            numbers = iter(range(FIRST_NUMBER, FIRST_NUMBER + 10_000_000, 1_000_000))
            for target, receipts in ((customers.demo, False), (trunk.target, True)):
                _load(counting, target, WARM_UP_SECONDS // 2, next(numbers), folder, pids, CALLBACKS[receipts])
            without, wanted = (
                _load(counting, target, SECONDS, next(numbers), folder, pids, CALLBACKS[receipts])
                for target, receipts in ((customers.demo, False), (trunk.target, True))
            )
    return [_verdict(without, wanted)]


def _load(
    counting: SinkClient, target: Target, seconds: int, number: int, folder: Path, pids: list[int], callbacks: int
) -> _Run:
    counting.reset()
    spent, started = sum(map(tree_cpu_seconds, pids)), time.monotonic()
    accepted = put_load(target, seconds, CONNECTIONS, number, folder).accepted
    wait_until(lambda: counting.stats()["callback"]["n"] >= callbacks * accepted, DRAIN_SECONDS)
    time.sleep(1.0)  # for one too many
    stats = counting.stats()
    taken, came = stats["carrier"]["n"], stats["callback"]["n"]
    took = (stats["callback"]["last"] or time.monotonic()) - started
    return _Run(taken, taken / took, (sum(map(tree_cpu_seconds, pids)) - spent) / max(1, taken) * 1e6, came)


def _verdict(without: _Run, wanted: _Run) -> Verdict:
    missing = abs(CALLBACKS[True] * wanted.accepted - wanted.callbacks)
    return Verdict(
        f"receipts: {without.accepted} messages without and {wanted.accepted} with a receipt each, {SECONDS} s of load",
        [
            Figure("without receipts, to the last callback", without.per_second, "messages/s"),
            Figure("without receipts, CPU of all but the broker", without.cpu_us, "us/message"),
            Figure("with receipts, to the last callback", wanted.per_second, "messages/s"),
            Figure("with receipts, CPU of all but the broker", wanted.cpu_us, "us/message"),
            Figure("callbacks that did not come, or came too often", missing, "", at_most=0),
        ],
    )
