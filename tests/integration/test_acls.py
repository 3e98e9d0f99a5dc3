"""What deploy/kubernetes and docs/producers.md allow is enough for everything that runs, and not more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka.errors import KafkaError

from pipeline.errors import BrokerError, BrokerUnreachable, SmsoutError
from pipeline.kafka.producer import RecordProducer
from pipeline.kafka.views.topic_reader import read_topic
from schemas.record import OutRecord
from schemas.topics import DIRECTORY, SUBMITTED
from tests.e2e.customer import Customer
from tests.secured_cluster import SecuredCluster, secured_cluster
from tests.systems import running_system

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

USER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "kafka" / "user.yaml"
AGENTS, PRODUCER, STRANGER = "smsout", "billing", "nobody"


def documented_rules() -> list[tuple[str, str, str, list[str]]]:
    """Return the ACLs of the agents' user as the file has them."""
    rules: list[dict[str, Any]] = yaml.safe_load(USER.read_text())["spec"]["authorization"]["acls"]
    return [
        (
            it["resource"]["type"],
            it["resource"].get("name", "kafka-cluster"),
            it["resource"].get("patternType", "literal"),
            it["operations"],
        )
        for it in rules
    ]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredCluster]:
    users = {AGENTS: "agents-secret", PRODUCER: "billing-secret", STRANGER: "stranger-secret"}
    with secured_cluster(tmp_path_factory.mktemp("secured"), 1, users) as running:
        yield running


async def written(cluster: SecuredCluster, user: str, topic: str) -> bool:
    """Tell whether a user may write to a topic."""
    producer = RecordProducer(cluster.kafka(user), client_id="test-acls")
    try:
        await producer.start()
        await producer.write([OutRecord(topic, b"key", b"not read by anybody")])
    except (KafkaError, SmsoutError, BrokerError):
        return False
    finally:
        await producer.stop()
    return True


async def test_the_documented_acls_are_enough_and_not_more(cluster: SecuredCluster, tmp_path: Path) -> None:
    """A whole system over SASL_SSL as one user; a producer that may write to one topic, and to no other."""
    admin = await cluster.admin()
    try:
        await cluster.allow(admin, AGENTS, *documented_rules())
        await cluster.allow(admin, PRODUCER, ("topic", SUBMITTED, "literal", ["Write", "Describe"]))
    finally:
        await admin.close()
    environment = {**cluster.environment(AGENTS), "SMSOUT_TOPICS_PARTITIONS": "2"}
    with running_system(tmp_path / "system", environment=environment) as ready:
        async with Customer(ready) as customer:
            await customer.send("15551234567", "Over TLS, as one user")
            await customer.wait_for("/inbox/demo", lambda inbox: len(inbox) == 1)
        log = Path(ready["log_file"]).read_text()
        assert "broker_disks_not_told" not in log
        assert "uthorization" not in log
    assert await written(cluster, PRODUCER, SUBMITTED)
    assert not await written(cluster, PRODUCER, DIRECTORY)
    assert not await written(cluster, STRANGER, SUBMITTED)
    with pytest.raises((KafkaError, BrokerUnreachable)):
        _ = [it async for it in read_topic(cluster.kafka(PRODUCER), DIRECTORY, client_id="test-acls")]
