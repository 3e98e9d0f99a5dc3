"""`smsout up --observe`: a Prometheus of this machine, which scrapes every process and knows the alerts."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from agents.local.launch import Launch
from agents.local.up.roster import Process
from pipeline.errors import ConfigurationError

DEFAULT_PORT: Final = 9090
SCRAPE_SECONDS: Final = 5
ALERTS: Final = Path(__file__).resolve().parents[3] / "deploy" / "prometheus" / "alerts.yml"
"""In a checkout; an installed wheel has no alerts with it."""


def prepare(folder: Path, port: int, processes: Sequence[Process]) -> Launch:
    """Write its configuration into `folder`, beside which it keeps two days of samples; return how to start it.

    Raises `ConfigurationError` where there is no Prometheus.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise ConfigurationError(
            "--observe starts a Prometheus, and there is none on PATH: `apt-get install prometheus` brings one"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = folder / "prometheus.yml"
    # JSON is YAML, too.
    configuration.write_text(json.dumps(_configuration(processes), indent=2) + "\n")
    return Launch(
        (
            program,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'samples'}",
            "--storage.tsdb.retention.time=2d",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        )
    )


def _configuration(processes: Sequence[Process]) -> dict[str, Any]:
    targets = [
        {"targets": [urlsplit(it.base_url).netloc], "labels": {"process": it.launch.argv[-1].removeprefix("agents.")}}
        for it in processes
    ]
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "rule_files": [str(ALERTS)] if ALERTS.is_file() else [],
        "scrape_configs": [{"job_name": "smsout", "static_configs": targets}],
    }
