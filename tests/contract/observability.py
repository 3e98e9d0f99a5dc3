"""Every expression of dashboards and alerts, with where it is."""

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
DASHBOARDS: Final = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
ALERTS: Final = ROOT / "deploy" / "prometheus" / "alerts.yml"
RULES: Final[list[dict[str, Any]]] = [
    rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
]
OF_PROMETHEUS: Final = {
    "up",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
}
OF_TARGETS: Final = {"job", "instance", "process", "le"}


def panels() -> list[tuple[str, dict[str, Any]]]:
    """Return all panels, each with the name of its dashboard."""
    found = [(path.stem, panel) for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]
    return [(name, panel) for name, panel in found if panel["type"] != "row"]


def expressions() -> dict[str, str]:
    """Return all expressions of panels, alerts and recorded rules by where they are."""
    found = {
        f"{name}: {panel['title']} ({number})": target["expr"]
        for name, panel in panels()
        for number, target in enumerate(panel["targets"])
    }
    return found | {f"rule {it.get('alert') or it['record']}": it["expr"] for it in RULES}


def series_of(expression: str) -> set[str]:
    """Return the names of series in an expression."""
    outside = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b(?:smsout[_:][a-z0-9_:]+|process_[a-z_]+|up)\b(?=\s*[{\[)]|\s*$|\s)", outside))


def selectors_of(expression: str) -> list[tuple[str, set[str]]]:
    """Return each series with the labels that are asked of it."""
    return [
        (name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels)))
        for name, labels in re.findall(r"(smsout_[a-z0-9_]+)\{([^}]*)\}", expression)
    ]
