"""A cluster as production has it: several brokers, SASL_SSL with SCRAM, and nobody may do what no ACL allows."""

import asyncio
import ipaddress
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import CreateAclsRequest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.local.broker import kafka_jars
from agents.local.broker.apache import HEAP
from agents.local.child import TETHER
from agents.local.ports import free_port
from pipeline.kafka.client import connection
from pipeline.settings import KafkaSettings
from tests.brokers import apache_or_skip

START_LIMIT_SECONDS: Final = 150.0
STOP_LIMIT_SECONDS: Final = 60.0
ADMIN: Final = "admin"
CLUSTER_ID: Final = "c2VjdXJlZC1jbHVzdGVyAA"

_PROPERTIES: Final = """\
process.roles=broker,controller
node.id={node}
listeners=SECURED://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=SECURED://127.0.0.1:{port}
listener.security.protocol.map=SECURED:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=SECURED
controller.quorum.voters={voters}
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="{admin}" password="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={keys}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin};User:ANONYMOUS
log.dirs={logs}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor={nodes}
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor={nodes}
transaction.state.log.min.isr={min_isr}
transaction.max.timeout.ms=60000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=1000
"""
# ANONYMOUS is who speaks at the controllers' listener, which clients do not have; at the brokers' nobody is.

_RESOURCES: Final = {"topic": 2, "group": 3, "cluster": 4, "transactionalId": 5}
_PATTERNS: Final = {"literal": 3, "prefix": 4}
_OPERATIONS: Final = {
    "Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Alter": 7, "Describe": 8, "DescribeConfigs": 10,
    "AlterConfigs": 11, "IdempotentWrite": 12,
}  # fmt: skip
_ALLOW: Final = 3


class SecuredCluster:
    """Brokers as processes, each of which may be killed, stopped and started again; users with their passwords."""

    def __init__(self, folder: Path, nodes: int, users: Mapping[str, str]) -> None:
        self._apache = apache_or_skip()
        if not kafka_jars.present(self._apache._libs):
            kafka_jars.fetch(self._apache._libs)
        self._folder = folder
        self._passwords = {ADMIN: "admin-secret", **users}
        self._ports = {node: free_port() for node in range(1, nodes + 1)}
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.ca = folder / "ca.pem"
        keys = folder / "server.pem"
        _write_certificates(self.ca, keys)
        controllers = {node: free_port(besides=set(self._ports.values())) for node in self._ports}
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in controllers.items())
        for node, port in self._ports.items():
            (folder / f"{node}.properties").write_text(
                _PROPERTIES.format(
                    node=node, port=port, controller_port=controllers[node], voters=voters, keys=keys, ca=self.ca,
                    logs=folder / f"logs-{node}", nodes=nodes, min_isr=min(2, nodes), admin=ADMIN,
                    password=self._passwords[ADMIN],
                )
            )  # fmt: skip
            self._run("kafka.tools.StorageTool", "format", f"--cluster-id={CLUSTER_ID}",
                      "--config", str(folder / f"{node}.properties"), *self._scram())  # fmt: skip

    def _scram(self) -> list[str]:
        users = [f"SCRAM-SHA-512=[name={name},password={password}]" for name, password in self._passwords.items()]
        return [argument for user in users for argument in ("--add-scram", user)]

    def _command(self, *arguments: str) -> list[str]:
        return [*self._apache._command(None), HEAP, *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "CLASSPATH": self._apache._classpath()}

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            self._command(*arguments), env=self._environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def kafka(self, user: str) -> KafkaSettings:
        """Return how a user connects."""
        return KafkaSettings.model_validate(
            {
                "bootstrap_servers": ",".join(f"127.0.0.1:{port}" for port in self._ports.values()),
                "security_protocol": "SASL_SSL",
                "sasl_username": user,
                "sasl_password": self._passwords[user],
                "ssl_ca_file": str(self.ca),
                "connect_timeout_seconds": 60.0,
            }
        )

    def environment(self, user: str) -> dict[str, str]:
        """Return the same as settings of a process."""
        kafka = self.kafka(user)
        return {
            "SMSOUT_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "SMSOUT_KAFKA_SECURITY_PROTOCOL": kafka.security_protocol,
            "SMSOUT_KAFKA_SASL_USERNAME": user,
            "SMSOUT_KAFKA_SASL_PASSWORD": self._passwords[user],
            "SMSOUT_KAFKA_SSL_CA_FILE": str(self.ca),
            "SMSOUT_KAFKA_CONNECT_TIMEOUT_SECONDS": "60",
        }

    def start(self, *nodes: int) -> None:
        """Start brokers, all when none are named."""
        for node in nodes or self._ports:
            tether = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(int(signal.SIGKILL))]
            with (self._folder / f"broker-{node}.log").open("ab") as log:
                self._processes[node] = subprocess.Popen(
                    [*tether, *self._command("kafka.Kafka", str(self._folder / f"{node}.properties"))],
                    env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip

    def log_of(self, node: int) -> str:
        """Return the end of a broker's log."""
        return (self._folder / f"broker-{node}.log").read_text(errors="replace")[-4000:]

    def signal(self, node: int, number: int) -> None:
        """Send a broker a signal."""
        self._processes[node].send_signal(number)
        if number == signal.SIGKILL:
            self._processes[node].wait()

    def wait(self, node: int) -> None:
        """Wait until a broker that was told to has ended."""
        self._processes[node].wait(STOP_LIMIT_SECONDS)

    def stop(self) -> None:
        """End all of them."""
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    async def admin(self) -> AIOKafkaAdminClient:
        """Return a client that may do everything, when the cluster answers."""
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while True:
            admin = AIOKafkaAdminClient(**connection(self.kafka(ADMIN)), client_id="test-admin")
            try:
                await admin.start()
            except (KafkaError, OSError) as error:
                await admin.close()
                dead = [node for node, process in self._processes.items() if process.poll() is not None]
                if dead or time.monotonic() > deadline:
                    pytest.fail(f"the cluster does not answer: {error!r}\n{self.log_of((dead or [1])[0])}")
                await asyncio.sleep(0.5)
                continue
            return admin

    async def allow(self, admin: AIOKafkaAdminClient, user: str, *rules: tuple[str, str, str, list[str]]) -> None:
        """Allow a user what rules say: kind of resource, its name, `literal` or `prefix`, and operations."""
        for kind, name, pattern, operations in rules:
            for operation in operations:
                answer = await admin._send_request(
                    CreateAclsRequest(
                        _RESOURCES[kind], name, _PATTERNS[pattern], f"User:{user}", "*", _OPERATIONS[operation], _ALLOW
                    ),
                    admin._client.cluster.controller.nodeId if admin._client.cluster.controller else None,
                )
                assert [it[0] for it in answer.creation_responses] == [0], answer


@contextmanager
def secured_cluster(folder: Path, nodes: int, users: Mapping[str, str]) -> Iterator[SecuredCluster]:
    """Run one for as long as the context lasts."""
    cluster = SecuredCluster(folder, nodes, users)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def _write_certificates(ca: Path, keys: Path) -> None:
    now = datetime.now(UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def builder(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("test ca"))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        )  # fmt: skip

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = (
        builder("test ca", ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    server = (
        builder("broker", key)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keys.write_bytes(private + server.public_bytes(serialization.Encoding.PEM))
