"""A single-node Apache Kafka in KRaft mode, run from its own jars with the Java that is there."""

import base64
import os
import re
import shutil
import signal
import subprocess
import tempfile
import uuid
from functools import cache
from pathlib import Path
from typing import Final

from agents.local.broker import class_archive, kafka_jars
from agents.local.broker.engine import BrokerSettings
from agents.local.console import say
from agents.local.launch import Launch
from agents.local.ports import free_port
from pipeline.errors import ConfigurationError

JAVA_AT_LEAST: Final = 17
HEAP: Final = "-Xmx512m"

# What a node alone needs to be different; everything else is Kafka's default.
_PROPERTIES: Final = """\
# Written anew at each start of `smsout`.
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
log.dirs={logs}

# Topics are made by `smsout topics apply`, with their configs, and by nobody's typing error.
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# An agent that was stopped for a month still knows where it was.
offsets.retention.minutes=43200
log.retention.check.interval.ms=60000

# Nobody else will join the group, so nobody waits for others.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# A broker that was killed is let in again only when its former life has expired: 9 s by default.
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=1000
"""


class ApacheKafka:
    """The engine `apache`."""

    name = "apache"
    notice: str | None = None
    read_isolation = "read_committed"
    survives_a_crash = True

    def __init__(self) -> None:
        self._libs = BrokerSettings().libs

    @property
    def libs(self) -> Path:
        """The folder of Kafka's jars."""
        return self._libs.absolute() if self._libs else kafka_jars.default_folder()

    def missing(self) -> str | None:
        """Say what is missing: Java, Maven (only while the jars are not here), or the checkout."""
        version = java_version()
        if version is None:
            return f"the broker `apache` needs Java {JAVA_AT_LEAST} or newer, and there is no `java`"
        if version < JAVA_AT_LEAST:
            return f"the broker `apache` needs Java {JAVA_AT_LEAST} or newer, and `java` is version {version}"
        try:
            if not kafka_jars.present(self.libs) and shutil.which("mvn") is None:
                return f"the broker `apache` needs Maven to fetch its jars into {self.libs}, and there is no `mvn`"
        except ConfigurationError as error:
            return str(error)
        return None

    def prepare(self, data_dir: Path, port: int) -> Launch:
        """Fetch the jars, format the data directory unless it is formatted, write the properties."""
        if (missing := self.missing()) is not None:
            raise ConfigurationError(missing)
        if not kafka_jars.present(self.libs):
            say(f"fetching Apache Kafka {kafka_jars.kafka_version()} into {self.libs}: 43 MB, once")
            kafka_jars.fetch(self.libs, "mvn")
        archive = self._class_archive()
        return self._serve(data_dir, port, f"-XX:SharedArchiveFile={archive}" if archive else None)

    def _serve(self, data_dir: Path, port: int, option: str | None) -> Launch:
        data_dir.mkdir(parents=True, exist_ok=True)
        logs, properties = data_dir / "logs", data_dir / "server.properties"
        if not (logs / "meta.properties").exists():
            self._format(data_dir, logs, port, option)
        _write_properties(properties, logs, port)
        return Launch(
            (*self._java(option), HEAP, "kafka.Kafka", str(properties)),
            environment={"CLASSPATH": self._classpath()},
            # The broker's own way down leaves clean logs, which start faster than those of a killed one.
            dies_with_us=signal.SIGTERM,
        )

    def _class_archive(self) -> Path | None:
        """Return the class archive, made once; None beside jars that are not ours, or when it cannot be made."""
        version = java_says()
        if version is None or not kafka_jars.are_ours(self.libs):
            return None
        archive = class_archive.archive_path(self.libs, version)
        if not archive.exists():
            with kafka_jars.alone_with(self.libs), tempfile.TemporaryDirectory(dir=self.libs.parent) as folder:
                if not archive.exists():
                    say("teaching Java the broker's classes, once, so that it starts faster")
                    port = free_port()
                    launch = self._serve(Path(folder), port, None)
                    class_archive.make(archive, launch.argv, {"CLASSPATH": self._classpath()}, port)
        return archive if archive.stat().st_size else None

    def _classpath(self) -> str:
        # In an order that does not change: the archive holds for one class path only.
        return ":".join(map(str, sorted(self.libs.glob("*.jar"))))

    def _java(self, option: str | None) -> tuple[str, ...]:
        return (
            _java_command(),
            *([option] if option else []),
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={kafka_jars.LOGGING.as_uri()}",
            # A node alone beside the agents, on few cores: the collector without threads of its own.
            "-XX:+UseSerialGC",
        )  # fmt: skip

    def _format(self, data_dir: Path, logs: Path, port: int, option: str | None) -> None:
        # Under another name first: a start that was interrupted here begins anew.
        draft, properties = data_dir / "logs.draft", data_dir / "format.properties"
        shutil.rmtree(draft, ignore_errors=True)
        _write_properties(properties, draft, port)
        process = subprocess.run(
            [*self._java(option), "kafka.tools.StorageTool",
             "format", "--standalone", f"--cluster-id={_new_cluster_id()}", "--config", str(properties)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", check=False, env={**os.environ, "CLASSPATH": self._classpath()},
        )  # fmt: skip
        if process.returncode != 0:
            lines = process.stdout.strip().splitlines() or [f"exit code {process.returncode}"]
            raise ConfigurationError(f"Kafka cannot format {data_dir}: {lines[-1][:400]}")
        draft.rename(logs)
        properties.unlink()


def _write_properties(path: Path, logs: Path, port: int) -> None:
    # The port of the controller is between Kafka and itself, so any free one will do, and another one each time.
    escaped = str(logs).replace("\\", "\\\\")
    path.write_text(_PROPERTIES.format(port=port, controller_port=free_port(besides={port}), logs=escaped))


def _new_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


def _java_command() -> str:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=f"{home}/bin") or "java" if home else "java"


@cache
def java_says() -> str | None:
    """Return what `java -version` prints, None when there is no Java."""
    try:
        found = subprocess.run(
            [_java_command(), "-version"], capture_output=True, text=True, timeout=30, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stderr + found.stdout


def java_version() -> int | None:
    """Return the major version of the `java` that would run, None when there is none."""
    said = java_says()
    return parse_java_version(said) if said is not None else None


def parse_java_version(text: str) -> int | None:
    """Return the major version in what `java -version` prints: 8 for `1.8.0_402`, 17 for `17.0.15`."""
    if (version := re.search(r'version "(\d+)(?:\.(\d+))?', text)) is None:
        return None
    major, minor = int(version[1]), version[2]
    return int(minor) if major == 1 and minor else major
