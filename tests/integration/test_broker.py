"""Our own broker as a real process: started, used, killed, started again, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from agents.local.broker.answering import answers_now
from agents.local.ports import free_port
from tests.brokers import RunningBroker, apache_or_skip, running_broker

pytestmark = pytest.mark.kafka

COMMAND = [sys.executable, "-P", "-c", "from agents.commands.cli import main; main()", "broker"]


@pytest.fixture(scope="module")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A broker that this module may kill."""
    with running_broker(tmp_path_factory.mktemp("apache")) as broker:
        yield broker


async def test_no_topic_comes_into_being_by_a_typing_error(apache: RunningBroker) -> None:
    """Sending to a topic that nobody has created fails, and it still does not exist."""
    admin = AIOKafkaAdminClient(bootstrap_servers=apache.bootstrap_servers)
    await admin.start()
    try:
        (topic,) = await admin.describe_topics(["sms.mt.submited"])
        assert topic["error_code"] == UnknownTopicOrPartitionError.errno
        assert "sms.mt.submited" not in await admin.list_topics()
    finally:
        await admin.close()


def test_the_class_archive_is_in_use(apache: RunningBroker) -> None:
    """The running broker has mapped the archive that was made beside the jars."""
    assert "/classes-" in Path(f"/proc/{apache.pid}/maps").read_text()


async def test_acknowledged_records_survive_kill_and_restart(apache: RunningBroker) -> None:
    """After SIGKILL the same data directory is served again, with every acknowledged record, within seconds."""
    admin = AIOKafkaAdminClient(bootstrap_servers=apache.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    values = [f"{n}".encode() for n in range(100)]
    producer = AIOKafkaProducer(bootstrap_servers=apache.bootstrap_servers, enable_idempotence=True)
    await producer.start()
    for value in values:
        await producer.send_and_wait("kept", value)
    await producer.stop()

    apache.kill()
    began = time.monotonic()
    apache.start()
    took = time.monotonic() - began

    consumer = AIOKafkaConsumer("kept", bootstrap_servers=apache.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        assert [(await consumer.getone()).value for _ in values] == values
    finally:
        await consumer.stop()
    # 9 s more with Kafka's default broker.session.timeout.ms; generous, because other tests share the machine.
    assert took < 30


def test_the_command_runs_one_in_the_foreground(tmp_path: Path) -> None:
    """`smsout broker` says where it answers, refuses a second one on its data, and ends with 0 on SIGTERM."""
    apache_or_skip()
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([*COMMAND, f"--data-dir={tmp_path}", f"--port={port}"], stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 90
        while f"answers at 127.0.0.1:{port}" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        assert answers_now(f"127.0.0.1:{port}")
        second = subprocess.run(
            [*COMMAND, f"--data-dir={tmp_path}", f"--port={free_port()}"], capture_output=True, text=True, check=False
        )
        assert (second.returncode, second.stderr.count("\n")) == (78, 1)
        assert f"process {process.pid}" in second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    assert code == 0, log.read_text()
    assert not answers_now(f"127.0.0.1:{port}")
    # What another broker has begun is not served with this one.
    (tmp_path / "broker").write_text("embedded\n")
    refused = subprocess.run([*COMMAND, f"--data-dir={tmp_path}"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (78, 1)
    assert "holds the data of the broker `embedded`" in refused.stderr


def test_no_broker_outlives_whoever_started_it(tmp_path: Path) -> None:
    """SIGKILL of `smsout broker` itself ends its broker too: the port is free again."""
    apache_or_skip()
    port = free_port()
    process = subprocess.Popen(
        [*COMMAND, f"--data-dir={tmp_path}", f"--port={port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while not answers_now(f"127.0.0.1:{port}"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 30
    while answers_now(f"127.0.0.1:{port}"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
