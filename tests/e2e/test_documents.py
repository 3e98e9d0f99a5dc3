"""The commands of every page do what the page says, on a real system."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.site.commands import PAGES, Block, blocks
from tests.systems import running_system

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
PRINTED_WITHIN_SECONDS = 20.0  # a callback needs a moment; a reader has one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder that looks like a checkout in which `make up` runs."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("examples", "deploy", "docs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "ready.json").symlink_to(folder / ".smsout" / "ready.json")
    with running_system(folder / ".smsout") as ready:
        yield folder, ready


@pytest.mark.parametrize(
    "page", [it for it in PAGES if any(block.is_run for block in blocks(it))], ids=lambda it: it.stem
)
def test_commands_do_what_the_page_says(page: Path, folder: tuple[Path, dict[str, Any]]) -> None:
    """One after the other, each with the variables of those before; what one prints may take a moment to become so."""
    path, ready = folder
    shell = Shell(path, ready)
    for block in blocks(page):
        if block.is_run:
            shell.run(block)


class Shell:
    """Runs blocks, and hands the variables of one on to the next."""

    def __init__(self, folder: Path, ready: dict[str, Any]) -> None:
        self._folder = folder
        self._variables = folder / "variables"
        known = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": ready["bootstrap_servers"],
            "INGRESS": ready["ingress_url"],
            "MESSAGE_LOG": ready["message_log_url"],
            "SIMULATOR": ready["simulator_url"],
            "USERNAME": ready["trunk"]["username"],
            "PASSWORD": ready["trunk"]["password"],
            "PANEL": ready["panel_url"],
            "API_KEY": ready["panel"]["api_key"],
        }
        self._variables.write_text("".join(f"export {name}={shlex.quote(it)}\n" for name, it in known.items()))

    def run(self, block: Block) -> None:
        """Run a block, again until it has printed what it should."""
        deadline = time.monotonic() + PRINTED_WITHIN_SECONDS
        script = f"set -aeuo pipefail\nsource {self._variables}\n{block.command}\nexport -p > {self._variables}\n"
        while True:
            done = subprocess.run(
                ["bash", "-c", script], cwd=self._folder, capture_output=True, text=True, timeout=60, check=False
            )
            if done.returncode in block.codes and block.has_printed(done.stdout):
                return
            again = block.prints is not None and time.monotonic() < deadline
            assert again, f"{block.command}\nended with {done.returncode}:\n{done.stdout}{done.stderr}"
            time.sleep(0.2)
