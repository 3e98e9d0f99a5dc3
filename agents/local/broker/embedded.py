"""noida-db: one small binary that speaks the Kafka protocol, for machines without Java. A development broker.

It keeps its records in memory and writes them to kafka.json when it is stopped by SIGTERM; a crash loses what came
since the last such stop (tried with 0.2.3).
"""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

from agents.local.launch import Launch
from pipeline.errors import ConfigurationError


class EmbeddedBroker:
    """The engine `embedded`."""

    name = "embedded"
    notice: str | None = (
        "the broker `embedded` (noida-db) is for development: it is not Apache Kafka, it keeps everything in memory, "
        "and what it holds reaches the disk only when it is stopped in order"
    )
    # It goes on hiding what a producer commits after one of its transactions has been aborted.
    read_isolation = "read_uncommitted"
    survives_a_crash = False

    def missing(self) -> str | None:
        """Say that the package is missing, or that it has no binary for this machine."""
        if find_spec("noida_db") is None:
            return "the broker `embedded` needs the package noida-db: pip install 'smsout[embedded]'"
        return None if _binary().is_file() else f"the package noida-db has no binary for this machine at {_binary()}"

    def prepare(self, data_dir: Path, port: int) -> Launch:
        """Make the data directory."""
        if (missing := self.missing()) is not None:
            raise ConfigurationError(missing)
        data_dir.mkdir(parents=True, exist_ok=True)
        binary = _binary()
        if not os.access(binary, os.X_OK):  # wheels may come without the bit, and the package's own script sets it too
            binary.chmod(0o755)
        return Launch(
            (str(binary), "start", "--data-dir", str(data_dir), "--only", "kafka", "--kafka-port", str(port)),
            # What the dynamic loader says about a weak symbol that this machine's C library does not have.
            noise=("weak version `GLIBC", "press Ctrl-C to stop"),
            dies_with_us=signal.SIGTERM,
        )


def _binary() -> Path:
    # Not through the package's `noida-db` script: that one runs the binary as a child, and a signal ends only itself.
    spec = find_spec("noida_db")
    return Path(spec.origin or "").with_name("noida-db") if spec else Path("noida-db")
