"""What each agent's process is given: ports, secrets, settings; and where callbacks may go."""

import socket
from collections.abc import Iterator

import pytest

from agents.local.ports import free_port, is_free
from agents.local.up.allowed_addresses import allowed_addresses
from agents.local.up.port_plan import Ports, PortsKind
from agents.local.up.roster import ROSTER, AgentSpec, Surroundings, processes_of, reachable_host
from pipeline.errors import ConfigurationError
from pipeline.http.addresses import AddressGuard
from pipeline.settings import CallbackSettings

BY_NAME = {spec.name: spec for spec in ROSTER}
AROUND = Surroundings(
    "127.0.0.1:9092",
    "/data/state",
    {
        "SMSOUT_INGRESS_PORT": 8080,
        "SMSOUT_PANEL_PORT": 8081,
        "SMSOUT_MESSAGE_LOG_PORT": 8082,
        "SMSOUT_SIMULATOR_PORT": 8090,
    },
    {
        "SMSOUT_PEPPER": "pepper",
        "SMSOUT_KEY_FILE": "/data/keys",
        "SMSOUT_CARRIER_KEY_FILE": "/data/carriers",
        "SMSOUT_CALLBACK_KEY_FILE": "/data/callbacks",
        "SMSOUT_RECEIPT_KEY": "receipts",
    },
    metrics_port=lambda default: default,
)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def environment(name: str, number: int = 0) -> dict[str, str | None]:
    return dict(processes_of(BY_NAME[name], AROUND)[number].launch.environment)


def test_agents_stop_in_the_order_of_the_flow() -> None:
    """Whoever feeds others stops before them."""
    before_carriers = ["ingress", "panel", "processor", "scheduler", "delivery"]
    flow = [*before_carriers, "receipts", "callback", "message_log", "simulator"]
    assert [spec.name for spec in ROSTER] == flow


@pytest.mark.parametrize("name", list(BY_NAME))
def test_secrets_reach_only_those_who_need_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pepper goes to three, the password keys to the panel alone, those of carriers to delivery and receipts too,
    those of callbacks to callback.

    The receipt key goes to ingress and delivery, whatever the environment has.
    """
    monkeypatch.setenv("SMSOUT_PEPPER", "the operator's")
    monkeypatch.setenv("SMSOUT_KEY_FILE", "/keys")
    monkeypatch.setenv("SMSOUT_RECEIPT_KEY", "the operator's")
    found = environment(name)
    assert found["SMSOUT_PEPPER"] == ("pepper" if name in ("ingress", "panel", "message_log") else None)
    assert found["SMSOUT_KEY_FILE"] == ("/data/keys" if name == "panel" else None)
    assert found["SMSOUT_CARRIER_KEY_FILE"] == ("/data/carriers" if name in ("panel", "delivery", "receipts") else None)
    assert found["SMSOUT_CALLBACK_KEY_FILE"] == ("/data/callbacks" if name in ("panel", "callback") else None)
    assert found["SMSOUT_RECEIPT_KEY"] == ("receipts" if name in ("ingress", "delivery") else None)


def test_the_simulator_learns_nothing_about_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the broker, its password among them, are taken away from it."""
    monkeypatch.setenv("SMSOUT_KAFKA_SASL_PASSWORD", "secret")
    assert environment("simulator")["SMSOUT_KAFKA_SASL_PASSWORD"] is None
    assert "SMSOUT_KAFKA_SASL_PASSWORD" not in environment("delivery")
    assert environment("delivery")["SMSOUT_KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:9092"


@pytest.mark.parametrize("spec", ROSTER, ids=lambda it: it.name)
def test_whoever_has_a_broker_has_a_folder_for_its_slot(spec: AgentSpec) -> None:
    """Without one it would wait, after each kill, for its own session to end."""
    assert environment(spec.name).get("SMSOUT_STATE_DIR") == ("/data/state" if spec.needs_broker else None)


def test_several_processes_share_the_port_and_have_metrics_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its metrics port; the public port is shared; one process alone does not share."""
    assert "SMSOUT_INGRESS_REUSE_PORT" not in environment("ingress")
    monkeypatch.setenv("SMSOUT_UP_INGRESS_PROCESSES", "2")
    processes = processes_of(BY_NAME["ingress"], AROUND)
    assert [process.name for process in processes] == ["ingress", "ingress-1"]
    assert [process.base_url for process in processes] == ["http://127.0.0.1:9101", "http://127.0.0.1:9121"]
    shown = ("SMSOUT_METRICS_PORT", "SMSOUT_INGRESS_PORT", "SMSOUT_INGRESS_REUSE_PORT")
    assert [[environment("ingress", number)[name] for name in shown] for number in (0, 1)] == [
        ["9101", "8080", "true"],
        ["9121", "8080", "true"],
    ]


@pytest.mark.parametrize(
    ("name", "wish"), [("ingress", "0"), ("ingress", "65"), ("ingress", "two"), ("simulator", "2")]
)
def test_impossible_numbers_of_processes_are_refused(name: str, wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting and the bounds."""
    monkeypatch.setenv(f"SMSOUT_UP_{name.upper()}_PROCESSES", wish)
    with pytest.raises(ConfigurationError, match=f"SMSOUT_UP_{name.upper()}_PROCESSES must be a number from 1 to"):
        processes_of(BY_NAME[name], AROUND)


def test_default_ports_do_not_collide() -> None:
    """No two agents' documented ports are the same, with several processes neither."""
    ports = [spec.metrics_port + 20 * slot for spec in ROSTER for slot in range(min(5, spec.processes_at_most))]
    ports += [spec.port for spec in ROSTER if spec.port]
    assert len(ports) == len(set(ports))


def test_a_new_agent_is_one_line() -> None:
    """A spec with a name and a port is enough for a process."""
    (process,) = processes_of(AgentSpec("new", 9119), AROUND)
    assert process.launch.argv[1:] == ("-P", "-m", "agents.new")


@pytest.mark.parametrize(
    ("listening", "host"),
    [
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104  # nothing listens here
        ("::", "127.0.0.1"),
        ("10.1.2.3", "10.1.2.3"),
        ("::1", "[::1]"),
    ],
)
def test_a_server_that_listens_everywhere_is_called_here(
    listening: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """URLs name a host that can be called."""
    monkeypatch.setenv("SMSOUT_HOST", listening)
    assert reachable_host("SMSOUT_HOST") == host


def test_a_documented_port_that_is_taken_is_named(taken: int) -> None:
    """The error names the port, its purpose and the way out."""
    with pytest.raises(ConfigurationError, match=rf"the port {taken} \(ingress\) is taken.*--ports auto"):
        Ports(PortsKind.DEFAULT).get(taken, "ingress")


def test_free_ports_are_free_and_different(taken: int) -> None:
    """Auto gives ports that can be listened on, never the same twice."""
    ports = Ports(PortsKind.AUTO)
    given = [ports.get(taken, "x") for _ in range(50)]
    assert len(set(given)) == 50
    assert taken not in given
    assert not is_free(taken)
    assert is_free(given[0])


def test_free_ports_are_none_that_outgoing_connections_get() -> None:
    """While an agent restarts, nobody's outgoing connection can take its port."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:  # noqa: PTH123
        lowest = int(file.read().split()[0])
    if lowest < 11_000:
        pytest.skip("this machine gives outgoing connections nearly every port")
    assert all(free_port() < lowest for _ in range(20))


@pytest.mark.parametrize("wish", ["0", "65536", "http"])
def test_a_port_setting_that_is_none_is_refused(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's own port wins over ours, if it is one."""
    monkeypatch.setenv("SMSOUT_INGRESS_PORT", "18080")
    assert Ports(PortsKind.AUTO).for_variable("SMSOUT_INGRESS_PORT", 8080, "ingress") == 18080
    monkeypatch.setenv("SMSOUT_INGRESS_PORT", wish)
    with pytest.raises(ConfigurationError, match="SMSOUT_INGRESS_PORT must be a port number"):
        Ports(PortsKind.AUTO).for_variable("SMSOUT_INGRESS_PORT", 8080, "ingress")


@pytest.mark.parametrize(
    ("urls", "allowed"),
    [
        (("http://127.0.0.1:8090/inbox/demo",), "127.0.0.1:8090"),
        (("http://127.0.0.1:8090", "http://[::1]:99/x"), "127.0.0.1:8090, [::1]:99"),
        (("http://127.0.0.1:8090", None), "127.0.0.1:8090"),
        (("https://127.0.0.2",), "127.0.0.2:443"),
    ],
)
def test_callbacks_may_go_to_these_ports_and_no_others(
    urls: tuple[str | None, ...], allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each URL opens its own port of its own address, in the form that the guard reads."""
    monkeypatch.delenv("SMSOUT_CALLBACK_ALLOWED_ADDRESSES", raising=False)
    assert allowed_addresses(*urls) == allowed
    monkeypatch.setenv("SMSOUT_CALLBACK_ALLOWED_ADDRESSES", "10.0.0.0/8")
    both = allowed_addresses(*urls)
    assert both == f"10.0.0.0/8, {allowed}"
    monkeypatch.setenv("SMSOUT_CALLBACK_ALLOWED_ADDRESSES", both)
    AddressGuard(CallbackSettings().allowed_addresses)


def test_a_callback_host_that_nobody_knows_is_refused() -> None:
    """A name that does not resolve is told at the start, not at the first callback."""
    with pytest.raises(ConfigurationError, match=r"no host 'nobody\.invalid'"):
        allowed_addresses("http://nobody.invalid/")
