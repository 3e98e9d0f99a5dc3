"""A Prometheus of this machine."""

import json
from pathlib import Path

import pytest

from agents.local.launch import Launch
from agents.local.up import observe
from agents.local.up.roster import Process
from pipeline.errors import ConfigurationError


def test_without_a_prometheus_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything has been started."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="apt-get install prometheus"):
        observe.prepare(tmp_path / "prometheus", 9090, [])


def test_it_scrapes_every_process_under_its_agents_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the second one of an agent; it listens on this machine alone."""
    program = tmp_path / "bin" / "prometheus"
    program.parent.mkdir()
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    launch = Launch(("python", "-P", "-m", "agents.ingress"))
    processes = [Process(f"ingress{end}", launch, f"http://127.0.0.1:{port}") for end, port in (("", 1), ("-1", 2))]
    started = observe.prepare(tmp_path / "prometheus", 9090, processes)
    assert started.argv[0] == str(program)
    assert "--web.listen-address=127.0.0.1:9090" in started.argv
    written = json.loads((tmp_path / "prometheus" / "prometheus.yml").read_text())
    assert written["scrape_configs"][0]["static_configs"] == [
        {"targets": ["127.0.0.1:1"], "labels": {"process": "ingress"}},
        {"targets": ["127.0.0.1:2"], "labels": {"process": "ingress"}},
    ]
    assert [Path(it).is_file() for it in written["rule_files"]] == [True]
