import json
import subprocess
import sys
from pathlib import Path

import pytest

from examples.produce_to_topic import Order, main, message_id, record_values
from pipeline.steps.admission.request import check_destination
from pipeline.steps.admission.submitted_record import read_submitted
from schemas.messages.submission import Submission
from schemas.topics import MAX_RECORD_BYTES, SUBMITTED

TRUNK = "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e"


def order(count: int, per_record: int, *, bulk: bool, content: str = "Grüße €", batch: str = "b") -> Order:
    return Order(TRUNK, "12125551234", content, count, per_record, bulk, batch)


def messages(order: Order) -> dict[str, str]:
    """Read the records as the pipeline does; return destinations by message id."""
    found: dict[str, str] = {}
    for value in record_values(order):
        for submission in read_submitted(value):
            assert isinstance(submission, Submission)
            assert (TRUNK, order.content) == (submission.trunk_id, submission.content)
            for destination in submission.destinations:
                found[submission.message_id(destination, submission.id or "")] = destination.address
    return found


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize(("count", "per_record", "records"), [(1, 100, 1), (250, 100, 3), (1000, 1000, 1)])
def test_its_records_are_what_the_topic_holds(count: int, per_record: int, records: int, *, bulk: bool) -> None:
    """Every message once, with the id that the example chose, to a number that the gateway takes."""
    wanted = order(count, per_record, bulk=bulk)
    assert records == len(list(record_values(wanted)))
    found = messages(wanted)
    assert {message_id("b", n) for n in range(count)} == set(found)
    assert count == len(set(found.values()))
    assert {check_destination(number) for number in found.values()} == {None}


def test_a_batch_has_the_same_ids_at_every_run_and_another_batch_has_others() -> None:
    """So a run after a crash repeats messages instead of adding some."""
    first = order(50, 10, bulk=False)
    assert list(record_values(first)) == list(record_values(first))
    assert set(messages(first)).isdisjoint(messages(order(50, 10, bulk=False, batch="c")))
    assert messages(first) == messages(order(50, 7, bulk=True))


def test_the_largest_record_it_makes_fits_into_the_topic() -> None:
    """1000 messages of 10 segments in an array would be too large; the default text is far from it."""
    (value,) = record_values(order(1000, 1000, bulk=False, content="Hello World!"))
    assert len(value) < MAX_RECORD_BYTES / 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--ready-file"),
        (["--trunk-id", TRUNK, "--source", "1"], "--bootstrap-servers"),
        (["--bootstrap-servers", "h:1", "--trunk-id", TRUNK, "--source", "1", "--count", "0"], "--count"),
        (["--bootstrap-servers", "h:1", "--trunk-id", TRUNK, "--source", "1", "--per-record", "1001"], "--per-record"),
    ],
)
def test_bad_arguments_are_named(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is published by mistake."""
    with pytest.raises(SystemExit):
        main(arguments)
    assert named in capsys.readouterr().err


def test_a_ready_file_fills_in_where_and_for_whom(tmp_path: Path, unused_tcp_port: int) -> None:
    """And a broker that is not there ends it with 1 and the batch to repeat."""
    ready = tmp_path / "ready.json"
    trunk = {"id": TRUNK, "sources": ["12125551234"]}
    ready.write_text(json.dumps({"bootstrap_servers": f"127.0.0.1:{unused_tcp_port}", "trunk": trunk}))
    command = [sys.executable, "-m", "examples.produce_to_topic", "--ready-file", str(ready), "--batch", "mine"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert f"from 12125551234 to {SUBMITTED} at 127.0.0.1:{unused_tcp_port}" in run.stdout
    assert "--batch mine" in run.stderr
