"""How Kafka's jars come to this machine, and what is refused on the way."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from agents.local.broker import jar_lock, kafka_jars
from agents.local.broker.jar_lock import Coordinate, sha256_of
from pipeline.errors import ConfigurationError
from tests.unit.agents.local.broker.repository import Repository

KAFKA = Coordinate("org.apache.kafka", "kafka_2.13", "4.4.0")
CLIENTS = Coordinate("org.apache.kafka", "kafka-clients", "4.4.0")


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for jars that is still empty."""
    monkeypatch.setenv("SMSOUT_KAFKA_LIBS", str(tmp_path / "libs"))
    return tmp_path / "libs"


@pytest.fixture
def locked(repository: Repository, tmp_path: Path) -> Mapping[Coordinate, str]:
    """Two jars, published and locked."""
    checksums = {}
    for jar in (KAFKA, CLIENTS):
        content = tmp_path / "content"
        content.write_text(f"the classes of {jar}")
        repository.add(jar, content.read_bytes())
        checksums[jar] = sha256_of(content)
    jar_lock.write_lock(checksums)
    return checksums


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_jars_are_fetched_once(jars: Path, repository: Repository, locked: Mapping[Coordinate, str]) -> None:
    """The second start finds them; another lock fetches them anew."""
    kafka_jars.fetch(jars)
    kafka_jars.fetch(jars)
    assert kafka_jars.present(jars)
    assert kafka_jars.are_ours(jars)
    assert repository.jars_asked_for() == ["kafka-clients-4.4.0.jar", "kafka_2.13-4.4.0.jar"]
    assert names(jars) == ["fetched-by-smsout", "kafka-clients-4.4.0.jar", "kafka_2.13-4.4.0.jar"]
    jar_lock.write_lock({KAFKA: locked[KAFKA]})
    assert not kafka_jars.present(jars)
    kafka_jars.fetch(jars)
    assert names(jars) == ["fetched-by-smsout", "kafka_2.13-4.4.0.jar"]
    assert [path.name for path in jars.parent.glob(".libs*")] == [".libs.lock"]


def test_a_jar_that_differs_is_refused(jars: Path, repository: Repository, locked: Mapping[Coordinate, str]) -> None:
    """One other byte anywhere: the jar is named, and there is no folder to start from."""
    repository.add(CLIENTS, b"somebody else's classes")
    with pytest.raises(ConfigurationError, match=rf"^{CLIENTS} is not the one that .*jars\.lock asks for: its SHA-256"):
        kafka_jars.fetch(jars)
    assert not jars.exists()
    assert not kafka_jars.present(jars)


def test_an_interrupted_fetch_is_not_taken_for_a_whole_one(
    jars: Path, repository: Repository, locked: Mapping[Coordinate, str]
) -> None:
    """A jar that is not to be had is named and leaves no folder behind; one that was cut off is asked for again."""
    missing = Coordinate("org.example", "missing", "1")
    jar_lock.write_lock({**locked, missing: "0" * 64})
    with pytest.raises(ConfigurationError, match=rf"^cannot fetch {missing} for Apache Kafka: "):
        kafka_jars.fetch(jars)
    assert not jars.exists()
    jar_lock.write_lock(locked)
    repository.cut.add(KAFKA.file_name)
    kafka_jars.fetch(jars)
    assert repository.cut == set()
    assert {jar: sha256_of(jars / jar.file_name) for jar in locked} == locked


def test_somebody_elses_kafka_is_used_and_somebody_elses_folder_not_emptied(
    jars: Path, repository: Repository, locked: Mapping[Coordinate, str]
) -> None:
    """A folder without our mark is used as it is when it holds a Kafka, and never filled or cleared otherwise."""
    jars.mkdir()
    (jars / "letters.txt").touch()
    with pytest.raises(ConfigurationError, match="SMSOUT_KAFKA_LIBS"):
        kafka_jars.fetch(jars)
    assert (jars / "letters.txt").exists()
    (jars / "kafka_2.13-4.1.0.jar").touch()
    assert kafka_jars.jar_folder() == jars
    assert kafka_jars.present(jars)
    assert not kafka_jars.are_ours(jars)
    kafka_jars.fetch(jars)
    assert repository.asked == []


def test_settings_of_jgo_that_cannot_be_read_are_told(
    jars: Path, locked: Mapping[Coordinate, str], tmp_path: Path
) -> None:
    """They name the repositories, so they are not passed over."""
    (tmp_path / "jgo.conf").write_text("no section here\n")
    with pytest.raises(ConfigurationError, match=re.escape("jgo.conf")):
        kafka_jars.fetch(jars)
