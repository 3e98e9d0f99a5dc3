"""Debian's Kannel between a carrier's client and an SMSC of ours."""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from agents.local.ports import free_port
from tests.interop.processes import process, until_it_listens
from tests.interop.smsc import Smsc, running_smsc

PROGRAMS: Final = ("/usr/sbin/bearerbox", "/usr/sbin/smsbox")
USERNAME: Final = "tester"
PASSWORD: Final = "p&w=d"

CONFIGURATION: Final = """
group = core
admin-port = {admin}
admin-password = x
smsbox-port = {box}
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = one
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = u
smsc-password = p
system-type = ""
msg-id-type = 0x01

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
global-sender = 1

group = sendsms-user
username = tester
password = "p&w=d"
max-messages = 1
concatenation = false
"""


def kannel_or_skip() -> None:
    """Skip without Kannel, but fail in CI, where nothing may be skipped."""
    if any(shutil.which(it) is None for it in PROGRAMS):
        reason = "no Kannel here: apt-get install --no-install-recommends kannel"
        if os.environ.get("CI"):
            pytest.fail(f"CI must have what every test needs: {reason}")
        pytest.skip(reason)


class RunningKannel(NamedTuple):
    """Kannel's sendsms, and the SMSC behind it."""

    url: str
    smsc: Smsc


@asynccontextmanager
async def running_kannel(folder: Path) -> AsyncIterator[RunningKannel]:
    """Run Kannel with an SMSC behind it; its files are in `folder`. Skips the test where it is missing."""
    kannel_or_skip()
    async with running_smsc() as smsc:
        ports: Mapping[str, int] = {name: free_port() for name in ("admin", "box", "http")}
        configuration = folder / "kannel.conf"
        configuration.write_text(CONFIGURATION.format(smsc=smsc.port, **ports))
        bearer_log, box_log = folder / "bearerbox", folder / "smsbox"
        async with process(PROGRAMS[0], "-v", "1", str(configuration), log=bearer_log):
            await until_it_listens(ports["admin"], bearer_log)
            # smsbox ends, after it has begun to listen, where nobody takes its connection.
            await until_it_listens(ports["box"], bearer_log)
            async with process(PROGRAMS[1], "-v", "1", str(configuration), log=box_log):
                await until_it_listens(ports["http"], box_log)
                yield RunningKannel(f"http://127.0.0.1:{ports['http']}", smsc)
