"""Which broker can run here, what is missing where none can, and how Kafka's jars are fetched."""

from pathlib import Path

import pytest

from agents.local.broker import apache, embedded, kafka_jars
from agents.local.broker.apache import ApacheKafka, parse_java_version
from agents.local.broker.choice import BrokerKind, choose
from pipeline.errors import ConfigurationError


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for jars that is still empty, and no `mvn` unless a test makes one."""
    folder = tmp_path / "libs"
    monkeypatch.setenv("SMSOUT_KAFKA_LIBS", str(folder))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(apache, "java_version", lambda: 17)
    return folder


def fake_mvn(folder: Path, script: str) -> None:
    program = folder.parent / "bin" / "mvn"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    program.chmod(0o755)


COPIES = """
for it; do case $it in -DoutputDirectory=*) d="${it#*=}";; esac; done
mkdir -p "$d"; touch "$d/kafka_2.13-4.4.0.jar"; echo run >> "$d/../runs"
"""


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('java version "1.8.0_402"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -X\nopenjdk version "11.0.2"', 11),
        ("command not found", None),
        ("", None),
    ],
)
def test_java_versions_are_read(text: str, version: int | None) -> None:
    """The major version, whatever the spelling."""
    assert parse_java_version(text) == version


@pytest.mark.parametrize(("version", "lack"), [(None, "there is no `java`"), (11, "`java` is version 11")])
def test_java_that_is_missing_or_old_is_told(
    version: int | None, lack: str, jars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says what is needed and what is there."""
    monkeypatch.setattr(apache, "java_version", lambda: version)
    with pytest.raises(ConfigurationError, match=rf"^the broker `apache` needs Java 17 or newer, and {lack}$"):
        choose(BrokerKind.APACHE)


def test_maven_is_needed_only_while_the_jars_are_not_here(jars: Path) -> None:
    """Without mvn apache cannot run; with the jars in place it can."""
    with pytest.raises(ConfigurationError, match=r"needs Maven to fetch its jars"):
        choose(BrokerKind.APACHE)
    jars.mkdir()
    (jars / "kafka_2.13-4.4.0.jar").touch()
    assert choose(BrokerKind.APACHE).name == "apache"


def test_auto_takes_apache_first_then_embedded_then_says_all(jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apache where it can run, else the development broker, else one line with both reasons."""
    fake_mvn(jars, COPIES)
    assert choose(BrokerKind.AUTO).name == "apache"
    monkeypatch.setattr(apache, "java_version", lambda: None)
    assert choose(BrokerKind.AUTO).name == "embedded"
    monkeypatch.setattr(embedded, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"no broker can run here: .*no `java`; .*smsout\[embedded\]"):
        choose(BrokerKind.AUTO)
    with pytest.raises(ConfigurationError, match=r"^the broker `embedded` needs the package noida-db"):
        choose(BrokerKind.EMBEDDED)


def test_the_development_broker_says_what_it_is() -> None:
    """Whoever starts it reads that it is not for production."""
    assert "for development" in (choose(BrokerKind.EMBEDDED).notice or "")


def test_jars_are_fetched_once(jars: Path) -> None:
    """The second start finds them; a changed recipe fetches them anew."""
    fake_mvn(jars, COPIES)
    kafka_jars.fetch(jars, "mvn")
    kafka_jars.fetch(jars, "mvn")
    assert kafka_jars.present(jars)
    assert (jars.parent / "runs").read_text() == "run\n"
    (jars / "fetched-by-smsout").write_text("another recipe's digest")
    assert not kafka_jars.present(jars)
    kafka_jars.fetch(jars, "mvn")
    assert (jars.parent / "runs").read_text() == "run\nrun\n"


def test_an_interrupted_fetch_is_not_taken_for_a_whole_one(jars: Path) -> None:
    """Maven failing half-way leaves no folder behind, and its own reason is in the error."""
    fake_mvn(jars, COPIES + 'echo "[ERROR] Could not transfer artifact"; exit 1')
    with pytest.raises(
        ConfigurationError, match=r"^mvn cannot fetch Apache Kafka's jars: Could not transfer artifact$"
    ):
        kafka_jars.fetch(jars, "mvn")
    assert not jars.exists()
    fake_mvn(jars, COPIES)
    kafka_jars.fetch(jars, "mvn")
    assert [path.name for path in jars.glob("*.jar")] == ["kafka_2.13-4.4.0.jar"]


def test_somebody_elses_kafka_is_used_and_somebody_elses_folder_not_emptied(jars: Path) -> None:
    """A folder without our mark is used as it is when it holds a Kafka, and never filled or cleared otherwise."""
    fake_mvn(jars, COPIES)
    jars.mkdir()
    (jars / "letters.txt").touch()
    with pytest.raises(ConfigurationError, match="SMSOUT_KAFKA_LIBS"):
        kafka_jars.fetch(jars, "mvn")
    assert (jars / "letters.txt").exists()
    (jars / "kafka_2.13-4.1.0.jar").touch()
    assert ApacheKafka().missing() is None
    assert kafka_jars.present(jars)


def test_a_data_directory_is_formatted_once(jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is formatted is started again as it is, on whatever port; a failed format says why and leaves nothing."""
    fake_mvn(jars, COPIES)
    java = tmp_path / "bin" / "java"
    java.write_text(
        "#!/bin/sh\nPATH=/usr/bin:/bin\n"
        'for it; do config="$it"; done\n'
        f'[ -e {tmp_path}/broken ] && {{ echo "the disk is full"; exit 1; }}\n'
        'logs=$(sed -n \'s/^log.dirs=//p\' "$config"); mkdir -p "$logs"; echo "$@" >> "$logs/meta.properties"\n'
    )
    java.chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(apache, "java_says", lambda: 'openjdk version "17.0.15"')
    data = tmp_path / "data"
    (tmp_path / "broken").touch()
    with pytest.raises(ConfigurationError, match=r"Kafka cannot format .*: the disk is full"):
        ApacheKafka().prepare(data, 19092)
    (tmp_path / "broken").unlink()
    launch = ApacheKafka().prepare(data, 19092)
    formatted = (data / "logs" / "meta.properties").read_text()
    # This Java has left no class archive: that costs time only, and is not tried again.
    assert [path.stat().st_size for path in jars.parent.glob("classes-*.jsa")] == [0]
    assert "format --standalone" in formatted
    again = ApacheKafka().prepare(data, 19192)
    assert (data / "logs" / "meta.properties").read_text() == formatted
    assert launch == again
    assert launch.argv[-2:] == ("kafka.Kafka", str(data / "server.properties"))
    properties = (data / "server.properties").read_text()
    assert "\nlisteners=PLAINTEXT://127.0.0.1:19192,CONTROLLER://127.0.0.1:" in properties
    assert "\nauto.create.topics.enable=false\n" in properties
