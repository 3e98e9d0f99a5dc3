"""A single-node Apache Kafka in KRaft mode, run from its own jars with the Java that there is."""

import base64
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Final

from agents.local.broker import class_archive, jar_lock, kafka_jars
from agents.local.broker.java import find_java
from agents.local.console import say
from agents.local.launch import Launch
from agents.local.ports import free_port
from pipeline.errors import ConfigurationError

HEAP: Final = "-Xmx512m"
LOGGING: Final = jar_lock.FOLDER / "log4j2.properties"
JAVA_COMPLAINS: Final = (
    "sun.misc.Unsafe", "maintainers of class org.apache.kafka",
    "estricted method", "java.lang.System::load", "--enable-native-access",
)  # fmt: skip
"""What Java 24 and later say at each start about Kafka's code and its native compression (JEP 498, JEP 472). The option
that allows the latter does not go with the class archive of a Java that was made without: 3.4 s to ready, not 1.1 s."""

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
# What lies behind an open transaction waits for its end: the longest that producers ask for by default is a minute.
transaction.max.timeout.ms=60000
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
    """The broker that `smsout` runs. Raises `ConfigurationError` where it cannot run: without a Java, or a lock."""

    def __init__(self) -> None:
        self._java = find_java()
        self._libs = kafka_jars.jar_folder()

    def prepare(self, data_dir: Path, port: int) -> Launch:
        """Make everything ready to serve `data_dir` at 127.0.0.1:`port`; may take as long as a download.

        Fetches the jars, formats the data directory unless it is formatted, writes the properties. Raises
        `ConfigurationError` with one line that says what is wrong.
        """
        if not kafka_jars.present(self._libs):
            say(f"fetching Apache Kafka {jar_lock.kafka_version()} into {self._libs}: 43 MB, once")
            kafka_jars.fetch(self._libs)
        archive = self._class_archive()
        return self._serve(data_dir, port, f"-XX:SharedArchiveFile={archive}" if archive else None)

    def _serve(self, data_dir: Path, port: int, option: str | None) -> Launch:
        data_dir.mkdir(parents=True, exist_ok=True)
        logs, properties = data_dir / "logs", data_dir / "server.properties"
        if not (logs / "meta.properties").exists():
            self._format(data_dir, logs, port, option)
        _write_properties(properties, logs, port)
        return Launch(
            (*self._command(option), HEAP, "kafka.Kafka", str(properties)),
            environment={"CLASSPATH": self._classpath()},
            noise=JAVA_COMPLAINS,
            # The broker's own way down leaves clean logs, which start faster than those of a killed one.
            dies_with_us=signal.SIGTERM,
        )

    def _class_archive(self) -> Path | None:
        """Return the class archive, made once; None beside jars that are not ours, or when it cannot be made."""
        if not kafka_jars.are_ours(self._libs):
            return None
        archive = class_archive.archive_path(self._libs, self._java)
        if not archive.exists():
            with kafka_jars.alone_with(self._libs), tempfile.TemporaryDirectory(dir=self._libs.parent) as folder:
                if not archive.exists():
                    say("teaching Java the broker's classes, once, so that it starts faster")
                    port = free_port()
                    launch = self._serve(Path(folder), port, None)
                    class_archive.make(archive, self._java, launch.argv, {"CLASSPATH": self._classpath()}, port)
        return archive if archive.stat().st_size else None

    def _classpath(self) -> str:
        # In an order that does not change: the archive holds for one class path only.
        return ":".join(map(str, sorted(self._libs.glob("*.jar"))))

    def _command(self, option: str | None) -> tuple[str, ...]:
        return (
            self._java.command,
            *([option] if option else []),
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={LOGGING.as_uri()}",
            # A node alone beside the agents, on few cores: the collector without threads of its own.
            "-XX:+UseSerialGC",
        )  # fmt: skip

    def _format(self, data_dir: Path, logs: Path, port: int, option: str | None) -> None:
        # Under another name first: a start that was interrupted here begins anew.
        draft, properties = data_dir / "logs.draft", data_dir / "format.properties"
        shutil.rmtree(draft, ignore_errors=True)
        _write_properties(properties, draft, port)
        process = subprocess.run(
            [*self._command(option), "kafka.tools.StorageTool",
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
