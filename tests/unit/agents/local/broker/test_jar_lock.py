"""deploy/kafka/jars.lock: how it is written and read, and the one that is committed."""

from pathlib import Path

import pytest

from agents.local.broker import jar_lock
from agents.local.broker.jar_lock import Coordinate, read_lock, read_roots, sha256_of
from agents.local.broker.lock_jars import lock_jars
from pipeline.errors import ConfigurationError
from tests.unit.agents.local.broker.repository import Repository

KAFKA = Coordinate("org.apache.kafka", "kafka_2.13", "4.4.0")
BINDING = Coordinate("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5")
CODEC = Coordinate("org.lz4", "lz4-java", "1.11.2")
OLD_CODEC = Coordinate("org.lz4", "lz4-java", "1.8.0")
ONLY_FOR_TESTS = Coordinate("org.junit", "junit", "5")


def test_the_committed_lock_holds_what_is_asked_for() -> None:
    """After a change of jars.in `make jars` was run, and all of Kafka and all of log4j have one version each."""
    locked = read_lock()
    assert set(read_roots()) <= set(locked)
    for group in ("org.apache.kafka", "org.apache.logging.log4j"):
        assert len({jar.version for jar in locked if jar.group == group}) == 1
    assert len({jar.file_name for jar in locked}) == len(locked) > 40
    assert jar_lock.kafka_version() in {jar.version for jar in read_roots()}


def test_the_committed_lock_names_no_host() -> None:
    """Whoever mirrors a repository can use it."""
    assert "/" not in jar_lock.LOCK.read_text()


def test_locking_takes_what_the_broker_needs_in_the_versions_that_it_asks_for(
    repository: Repository, tmp_path: Path
) -> None:
    """Transitive dependencies of a run, none of tests; what one root's build prefers is nothing to the other's."""
    repository.add(KAFKA, b"broker", needs={CODEC: "runtime", ONLY_FOR_TESTS: "test"})
    repository.add(BINDING, b"binding", manages=[OLD_CODEC])
    repository.add(CODEC, b"codec")
    repository.add(OLD_CODEC, b"old codec")
    jar_lock.ROOTS.write_text(f"# what we run\n{KAFKA}\n\n{BINDING}\n")
    lock_jars()
    expected = {}
    for jar, content in ((KAFKA, b"broker"), (BINDING, b"binding"), (CODEC, b"codec")):
        (tmp_path / "content").write_bytes(content)
        expected[jar] = sha256_of(tmp_path / "content")
    assert read_lock() == expected
    before = jar_lock.LOCK.read_text()
    lock_jars()
    assert jar_lock.LOCK.read_text() == before


def test_a_lock_that_cannot_be_read_says_where(repository: Repository) -> None:
    """A missing file is told as what it is: there is no checkout. A bad line is told by its number."""
    with pytest.raises(ConfigurationError, match="from a checkout of this project"):
        read_lock()
    jar_lock.LOCK.write_text(f"# comment\n{'0' * 64}  {KAFKA}\nnonsense\n")
    with pytest.raises(ConfigurationError, match=r"jars\.lock, line 3, cannot be read$"):
        read_lock()
    jar_lock.LOCK.write_text(f"{'0' * 64}  {CODEC}\n")
    with pytest.raises(ConfigurationError, match=r"names no org\.apache\.kafka:kafka_2\.13$"):
        jar_lock.kafka_version()
