"""What comes with the system is listed, licensed, and held to hashes."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_list_of_what_is_inside_is_the_lock(tmp_path: Path) -> None:
    """`make sbom`: every pinned package with its version and hashes, the same each time."""
    texts = []
    for number in range(2):
        path = tmp_path / f"{number}.json"
        subprocess.run(
            [
                sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--of", "JSON",
                "-o", str(path), "requirements.lock",
            ],
            cwd=ROOT, check=True, capture_output=True,
        )  # fmt: skip
        texts.append(path.read_text())
    assert texts[0] == texts[1]
    document = json.loads(texts[0])
    found = {(it["name"], it["version"]) for it in document["components"]}
    pinned = set(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert (document["bomFormat"], found) == ("CycloneDX", pinned)
    references = [it.get("externalReferences", ()) for it in document["components"]]
    assert all(any(reference.get("hashes") for reference in its) for its in references)


def test_the_license_is_there_and_is_the_one_that_is_named() -> None:
    """In the project's metadata, in the file, and in what the image is made from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    assert " LICENSE " in (ROOT / "deploy" / "docker" / "Dockerfile").read_text()


def test_the_audit_fails_where_it_learns_nothing() -> None:
    """A check that could not ask is no check."""
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"pip-audit --strict ", makefile)
    assert "-r requirements.lock -r requirements-java.lock -r requirements-tracing.lock" in makefile
