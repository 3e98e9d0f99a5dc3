"""The programs of docs/how-to/verify-callbacks.md tell genuine callbacks from others: each is run where it can be."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from pipeline.callbacks.signing import signed_headers
from schemas.directory.trunk import CallbackSecret

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "verify-callbacks.md"
OLD, NEW = (CallbackSecret(secret=f"whsec_{letter * 32}") for letter in "ab")
BODY: Final = '{"data": {"id": "Grüße"}}'.encode()

PROGRAMS: Final[dict[str, tuple[str, str, list[str], list[str]]]] = {
    # fence: what is needed, the file, how it is made ready, how it is called
    "python": ("python3", "verify.py", [], [sys.executable, "verify.py"]),
    "js": ("node", "verify.mjs", [], ["node", "verify.mjs"]),
    "php": ("php", "verify.php", [], ["php", "verify.php"]),
    "go": ("go", "verify.go", ["go", "build", "-o", "verify", "verify.go"], ["./verify"]),
    "java": ("javac", "Verify.java", ["javac", "Verify.java"], ["java", "-Xshare:auto", "-cp", ".", "Verify"]),
}


BATCH: Final = {
    "data": [
        {"type": kind, "id": "m", "attributes": {"status": status}, "meta": {"webhook_id": webhook_id}}
        for kind, status, webhook_id in [
            ("outbound_message_callbacks", "Success", "m.processing"),
            ("dlr_event", "DELIVERED", "m.delivery"),
            ("outbound_message_callbacks", "Success", "m.processing"),
        ]
    ]
}
SINGLE: Final = {"data": {"type": "dlr_event", "id": "m", "attributes": {"status": "FAILED"}}}


def program(language: str, *, of_batches: bool = False) -> str:
    """Return the page's program in a language: that which verifies, or that which takes batches apart."""
    before, _, after = PAGE.read_text().partition("## Batches")
    batches, _, others = after.partition("## Node.js")
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```$", batches if of_batches else before + others, re.MULTILINE | re.DOTALL
    )
    return str(found)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (BATCH, ["m.processing outbound_message_callbacks Success", "m.delivery dlr_event DELIVERED"]),
        (SINGLE, ["of-the-post dlr_event FAILED"]),
    ],
)
def test_a_batch_is_taken_apart_event_by_event(document: object, told: list[str], tmp_path: Path) -> None:
    """Each under its own id and once; a single one has that of its POST."""
    (tmp_path / "batch.py").write_text(program("python", of_batches=True))
    ended = subprocess.run(
        [sys.executable, "batch.py", "of-the-post"], cwd=tmp_path, input=json.dumps(document).encode(), check=True,
        capture_output=True,
    )  # fmt: skip
    assert ended.stdout.decode().splitlines() == told


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_program_takes_what_is_genuine_and_nothing_else(language: str, tmp_path: Path) -> None:
    """Signed with the secret that it knows, alone or beside another one, untouched, and minutes old at most."""
    needed, name, make, call = PROGRAMS[language]
    if shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed")
    (tmp_path / name).write_text(program(language))
    environment = {**os.environ, "SECRET": OLD.secret, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GO111MODULE": "off"}
    if make:
        subprocess.run(make, cwd=tmp_path, env=environment, check=True)

    def answer(secrets: tuple[CallbackSecret, ...], *, age: float = 0.0, body: bytes = BODY) -> int:
        headers = signed_headers(secrets, "019aad6e.processing", time.time() - age, BODY)
        return subprocess.run(
            [*call, *headers.values()], cwd=tmp_path, env=environment, input=body, check=False
        ).returncode

    assert [
        answer((OLD,)),
        answer((NEW, OLD)),
        answer((NEW,)),
        answer((OLD,), body=BODY + b" "),
        answer((OLD,), age=600),
        answer((OLD,), age=-600),
    ] == [0, 0, 1, 1, 1, 1]
