"""Dashboards, alerts and the runbook against the metrics that there are, and against Prometheus' own tool."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import metrics
from pipeline.measuring.catalogue import metrics_of
from tests.contract.observability import (
    ALERTS,
    DASHBOARDS,
    OF_PROMETHEUS,
    OF_TARGETS,
    ROOT,
    RULES,
    expressions,
    panels,
    selectors_of,
    series_of,
)
from tests.dashboards.__main__ import drift
from tests.prometheus import program_or_skip

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
NAMES = [it["alert"] for it in RULES if "alert" in it]
EXAMPLES: dict[str, Any] = yaml.safe_load((ALERTS.parent / "alerts_test.yml").read_text())
EXPRESSIONS = expressions()
KNOWN = {series: set(it.labels) for it in metrics_of(metrics) for series in it.series}


def test_generated_dashboards_are_current() -> None:
    """What is in the folder is what tests/dashboards says."""
    assert drift() == []
    assert len(DASHBOARDS) == 8


def test_every_panel_says_what_normal_looks_like() -> None:
    """Nobody should have to ask at night."""
    assert len(panels()) > 50
    assert [panel["title"] for _, panel in panels() if len(panel.get("description", "")) < 2] == []
    assert all(len({panel["id"] for name, panel in panels() if name == page.stem}) > 1 for page in DASHBOARDS)


def test_every_metric_is_looked_at() -> None:
    """What no dashboard shows and no alert asks is paid for and never seen."""
    seen = set().union(*(series_of(it) for it in EXPRESSIONS.values()))
    assert [it.name for it in metrics_of(metrics) if not seen & set(it.series)] == []


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_expressions_name_only_what_exists(where: str) -> None:
    """Series of ours, their labels, and what each Python process and Prometheus itself have."""
    expression = EXPRESSIONS[where]
    recorded = {it["record"] for it in RULES if "record" in it}
    assert series_of(expression) != set()
    assert series_of(expression) - KNOWN.keys() - OF_PROMETHEUS - recorded == set()
    for series, labels in selectors_of(expression):
        assert labels - KNOWN[series] - OF_TARGETS == set()


def test_expressions_are_promql(tmp_path: Path) -> None:
    """Those of panels too, which no rule file has."""
    text = {
        "groups": [
            {
                "name": "all",
                "rules": [
                    {"record": f"r{number}", "expr": re.sub(r"\$\w+", "x", expression)}
                    for number, expression in enumerate(EXPRESSIONS.values())
                ],
            }
        ]
    }
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(text))
    done = subprocess.run(
        [program_or_skip("promtool"), "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, f"{len(EXPRESSIONS)} rules found" in done.stdout) == (0, True), done.stdout + done.stderr


def test_alerts_do_what_their_examples_say() -> None:
    """promtool's own unit tests."""
    done = subprocess.run(
        [program_or_skip("promtool"), "test", "rules", "alerts_test.yml"], cwd=ALERTS.parent, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_an_example_of_it_and_one_without() -> None:
    """One that never fires is as useless as one that always does."""
    cases = [case for test in EXAMPLES["tests"] for case in test["alert_rule_test"]]
    assert {it["alertname"] for it in cases if it["exp_alerts"]} == set(NAMES)
    assert set(NAMES) - {it["alertname"] for it in cases if not it["exp_alerts"]} == {
        "SmsoutIngressErrorsSlow", "SmsoutLateSlow",
    }  # fmt: skip


def test_every_alert_has_its_paragraph_which_begins_with_a_command() -> None:
    """And every paragraph is some alert's."""
    paragraphs = re.findall(r"^## (\w+)\n\n<!-- .+ -->\n```sh\n(\S[^\n]*)\n```\n\n\S", RUNBOOK, re.MULTILINE)
    assert sorted(name for name, _ in paragraphs) == sorted(NAMES)
    for rule in RULES:
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
            assert rule["labels"]["severity"] in ("page", "ticket")


def test_a_name_that_does_not_exist_is_found() -> None:
    """These tests look at what they say they look at."""
    assert series_of('sum(rate(smsout_nothing_total{a="smsout_text"}[5m])) / up') == {"smsout_nothing_total", "up"}
    assert selectors_of('smsout_a_total{x="1", y=~"2"}') == [("smsout_a_total", {"x", "y"})]
