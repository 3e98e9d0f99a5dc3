"""Compose, Kubernetes and systemd files: before their own validators, and against the code that they speak about."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from agents.callback.app import GROUP as CALLBACK_GROUP
from agents.delivery.app import GROUP as DELIVERY_GROUP
from agents.processor.app import GROUP as PROCESSOR_GROUP
from schemas.topics import SEGMENTED, STATUS, SUBMITTED
from tests import strimzi
from tests.contract.every_setting import every_setting

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
SYSTEMD = ROOT / "deploy" / "systemd"
VERSION = "1.31"
OF_OPERATORS = {"kafka.strimzi.io", "keda.sh", "monitoring.coreos.com", "kustomize.config.k8s.io"}
AGENTS = ("ingress", "processor", "scheduler", "delivery", "receipts", "callback", "message_log", "panel")
ALONE = {"panel", "message-log"}


def documents(folder: str) -> list[dict[str, Any]]:
    """Return all resources of a folder, those of its kustomization apart."""
    files = sorted(it for it in (KUBERNETES / folder).glob("*.yaml") if it.name != "kustomization.yaml")
    return [document for path in files for document in yaml.safe_load_all(path.read_text())]


def of_kubernetes(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [it for it in found if it["apiVersion"].split("/")[0] not in OF_OPERATORS]


def named(found: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {it["metadata"]["name"]: it for it in found if it["kind"] == kind}


@pytest.mark.parametrize("files", [("docker-compose.yml",), ("docker-compose.yml", "deploy/compose/three-brokers.yml")])
def test_compose_files_are_what_the_specification_says(files: tuple[str, ...]) -> None:
    """By the Compose Specification's own schema."""
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *files],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", ["base", "production"])
def test_kubernetes_takes_every_resource(folder: str) -> None:
    """By the schemas of its API, unknown attributes refused; patches are no resources of their own."""
    patches = {"every-agent", "install"} if folder == "production" else {"every-agent"}
    checked = [it for it in of_kubernetes(documents(folder)) if it["metadata"]["name"] not in patches]
    assert checked
    for document in checked:
        kubernetes_validate.validate(document, VERSION, strict=True)


@pytest.mark.parametrize("folder", ["base", "production", "kafka"])
def test_what_is_put_together_is_taken_too(folder: str) -> None:
    """Every file is used; and where there is a kubectl, its Kustomize builds the whole, which is checked once more."""
    kustomization = yaml.safe_load((KUBERNETES / folder / "kustomization.yaml").read_text())
    used = {it for it in kustomization["resources"] if it.endswith(".yaml")}
    used |= {it["path"] for it in kustomization.get("patches", ()) if "path" in it}
    there = {it.name for it in (KUBERNETES / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert used == there
    if shutil.which("kubectl"):
        done = subprocess.run(
            ["kubectl", "kustomize", str(KUBERNETES / folder)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        for document in of_kubernetes(list(yaml.safe_load_all(done.stdout))):
            kubernetes_validate.validate(document, VERSION, strict=True)


def test_every_agent_runs_with_probes_limits_and_no_rights() -> None:
    """What it is given itself, and what all are given."""
    base = documents("base")
    sets = named(base, "StatefulSet")
    common = sets.pop("every-agent")["spec"]["template"]["spec"]
    assert set(sets) == {it.replace("_", "-") for it in AGENTS}
    for name, made in sets.items():
        (container,) = made["spec"]["template"]["spec"]["containers"]
        assert (container["args"], container["name"]) == ([name.replace("-", "_")], "agent")
        assert set(container["resources"]) == {"requests", "limits"}
    (container,) = common["containers"]
    assert [container[it]["httpGet"]["path"] for it in ("startupProbe", "livenessProbe", "readinessProbe")] == [
        "/healthz", "/healthz", "/readyz",
    ]  # fmt: skip
    assert (common["securityContext"]["runAsUser"], common["automountServiceAccountToken"]) == (10001, False)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert set(named(base, "PodDisruptionBudget")) == set(sets) - ALONE
    assert {name for name, it in sets.items() if it["spec"]["replicas"] == 1} == ALONE


def test_secrets_reach_only_those_who_need_them_and_are_never_written_down() -> None:
    """By reference to secrets."""
    referred: dict[str, set[str]] = {"SMSOUT_PEPPER": set(), "SMSOUT_RECEIPT_KEY": set(), "SMSOUT_DATABASE_URL": set()}
    for name, made in named(documents("base"), "StatefulSet").items():
        for variable in made["spec"]["template"]["spec"]["containers"][0].get("env", ()):
            if variable["name"] in referred:
                referred[variable["name"]].add(name)
                assert variable["valueFrom"]["secretKeyRef"]["name"].startswith("smsout-")
    assert referred == {
        "SMSOUT_PEPPER": {"ingress", "panel", "message-log"},
        "SMSOUT_RECEIPT_KEY": {"ingress", "delivery"},
        "SMSOUT_DATABASE_URL": {"panel", "message-log"},
    }
    for found in (documents("base"), documents("production")):
        configuration = named(found, "ConfigMap")["smsout"]["data"]
        assert [it for it in configuration if "PASSWORD" in it or "PEPPER" in it or it.endswith("_KEY")] == []
        assert set(configuration) - set(every_setting()) == set()


def test_scaling_follows_the_groups_that_there_are() -> None:
    """By the names in the code, and never beyond the partitions."""
    found = {
        name: (
            it["spec"]["triggers"][0]["metadata"]["consumerGroup"],
            it["spec"]["triggers"][0]["metadata"]["topic"],
            it["spec"]["maxReplicaCount"],
        )
        for name, it in named(documents("production"), "ScaledObject").items()
    }
    assert found == {
        "processor": (PROCESSOR_GROUP, SUBMITTED, strimzi.PARTITIONS),
        "delivery": (DELIVERY_GROUP, SEGMENTED, strimzi.PARTITIONS),
        "callback": (CALLBACK_GROUP, STATUS, strimzi.PARTITIONS),
    }
    partitions = named(documents("base"), "ConfigMap")["smsout"]["data"]["SMSOUT_TOPICS_PARTITIONS"]
    assert partitions == str(strimzi.PARTITIONS)


def test_topics_for_strimzi_are_those_of_the_catalogue() -> None:
    """The file is generated, its names are names of Kubernetes, its configs are texts."""
    assert strimzi.FILE.read_text() == strimzi.text()
    for it in yaml.safe_load_all(strimzi.FILE.read_text()):
        assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", it["metadata"]["name"])
        assert {type(value) for value in it["spec"]["config"].values()} == {str}


def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    """By its own verifier, with a program that is there in the place of ours; without a word."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    shutil.copytree(SYSTEMD, tmp_path / "units")
    unit = tmp_path / "units" / "smsout@.service"
    unit.write_text(unit.read_text().replace("/opt/smsout/bin/smsout", sys.executable))
    done = subprocess.run(
        [analyze, "verify", *(f"smsout@{name}.service" for name in AGENTS), "smsout.target"],
        cwd=tmp_path / "units", env={"SYSTEMD_UNIT_PATH": f"{tmp_path / 'units'}:", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


SECRETIVE = ("callback", "delivery", "ingress", "message_log", "panel", "receipts")


def test_systemd_gives_secrets_only_to_those_who_need_them() -> None:
    """As credentials, in drop-ins of ingress and panel."""
    drop_ins = {it.parent.name: it.read_text() for it in SYSTEMD.glob("*.d/*.conf")}
    assert sorted(drop_ins) == [f"smsout@{name}.service.d" for name in SECRETIVE]
    assert sorted(name for name, it in drop_ins.items() if "LoadCredential=pepper:" in it) == [
        "smsout@ingress.service.d", "smsout@message_log.service.d", "smsout@panel.service.d",
    ]  # fmt: skip
    assert sorted(name for name, it in drop_ins.items() if "SMSOUT_CARRIER_KEY_FILE=" in it) == [
        "smsout@delivery.service.d", "smsout@panel.service.d", "smsout@receipts.service.d",
    ]  # fmt: skip
    assert sorted(name for name, it in drop_ins.items() if "SMSOUT_CALLBACK_KEY_FILE=" in it) == [
        "smsout@callback.service.d", "smsout@panel.service.d",
    ]  # fmt: skip
    target = (SYSTEMD / "smsout.target").read_text()
    assert sorted(re.findall(r"smsout@(\w+)\.service", target)) == sorted(AGENTS)


def test_whoever_looks_at_addresses_is_told_the_same_of_them() -> None:
    """What ingress and the panel take as a callback's URL, callback has to be allowed to post to."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    looking = {
        it for it in AGENTS if any("AddressGuard(" in file.read_text() for file in (ROOT / "agents" / it).rglob("*.py"))
    }
    assert looking >= {"ingress", "panel", "callback"}
    said = {
        it: services[it.replace("_", "-")]["environment"].get("SMSOUT_CALLBACK_ALLOWED_ADDRESSES") for it in looking
    }
    assert set(said.values()) == {"${SMSOUT_CALLBACK_ALLOWED_ADDRESSES:-}"}, said


def test_whoever_makes_spans_has_the_settings_and_a_way_to_the_collector() -> None:
    """In containers and in a cluster; nobody else has them."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    traced = {it for it in AGENTS if "traced=True" in (ROOT / "agents" / it / "__main__.py").read_text()}
    assert traced >= {"ingress", "panel", "delivery"}
    told = {name for name, it in services.items() if "OTEL_TRACES_SAMPLER" in it.get("environment", {})}
    assert told == traced
    policy = named(documents("base"), "NetworkPolicy")["traces"]["spec"]["podSelector"]["matchExpressions"][0]
    assert set(policy["values"]) == traced
