"""Every shipped carrier profile: its requests, its question, the reading of answers and receipts, to the byte.

A file of golden_carriers for each profile. `requests` are as they go out, but for Host, Content-Length and User-Agent;
each names a message of `MESSAGES` and, behind a plus, that a receipt is wanted. An answer is status and body, and what
it means: outcome, class of the error, message id, error. A receipt is what is posted, or behind a question mark asked,
and what it reports: message id, state, error, time.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from pipeline.carriers.profile_form.answers import RuleForm, Verdict
from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.carriers.profiles.profile import CarrierProfile
from pipeline.carriers.profiles.request import Request
from pipeline.carriers.profiles.shipped import shipped_names, shipped_profile
from pipeline.carriers.reading.answers import AnswerTable
from pipeline.carriers.receipt import ReceiptRequest
from pipeline.errors import BadReceipt
from pipeline.http.answer import Answer
from pipeline.steps.segmentation import split, user_data_headers
from schemas.messages.mt_message import MtMessage, Segment
from tests.builders import message

GOLDEN: Final = Path(__file__).parent / "golden_carriers"
NOW: Final = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
RECEIPT_URL: Final = "https://gateway.example/carriers/one/receipts/reference"


def _message(text: str) -> MtMessage:
    data_coding, parts = split(text)
    headers = user_data_headers(len(parts), message().id) if len(parts) > 1 else [None]
    segments = tuple(Segment(seqnum=n, text=part, udh=headers[n - 1]) for n, part in enumerate(parts, 1))
    return message(segments, data_coding=data_coding, accepted_at=NOW, expires_at=NOW + timedelta(hours=2))


MESSAGES: Final = {
    "short": _message('Grüße & {braces} "quoted"\n+1 €'),
    "long": _message("a" * 152 + "€" + "b" * 10),
    "emoji": _message("snow ☃ and 😀" + "ж" * 60),
}


def bound(golden: dict[str, Any], name: str, *, honours_key: bool = False) -> BoundCarrier:
    return BoundCarrier(
        shipped_profile(name), golden["url"], golden["parameters"], golden["secrets"],
        honours_key=honours_key, clock=lambda: NOW,
    )  # fmt: skip


def written(request: Request) -> str:
    """Return a request as a person can read it."""
    lines = [f"{request.method} {target.url}" for target in request.targets]
    lines += [f"{name}: {value}" for name, value in request.targets[0].headers.items()]
    return "\n".join([*lines, "", (request.body or b"").decode()])


def requests(carrier: BoundCarrier, asked: str) -> list[str]:
    """Return the requests of one message."""
    name, wanted, _ = asked.partition("+")
    of = MESSAGES[name]
    units = [carrier.unit(of, of.segments[0])] if carrier.whole_text else of.segments
    return [written(carrier.request(of, it, RECEIPT_URL if wanted else None)) for it in units]


def read_answer(carrier: BoundCarrier, status: int, body: str) -> list[str | None]:
    """Return what an answer means."""
    result = carrier.read(Answer(status, body.encode(), "7"))
    error_class = None if result.error_class is None else result.error_class.value
    return [result.outcome.value, error_class, result.carrier_message_id, result.error]


def read_receipt(carrier: BoundCarrier, receipt: str) -> list[list[str | None]] | str:
    """Return what a receipt reports, or why it is refused."""
    if receipt.startswith("?"):
        request = ReceiptRequest("GET", tuple(parse_qsl(receipt[1:], keep_blank_values=True)), "", b"")
    else:
        request = ReceiptRequest("POST", (), "application/json", receipt.encode())
    try:
        reports = carrier.profile.read_receipt(request)
    except BadReceipt as error:
        return str(error)
    return [
        [it.carrier_message_id, it.state.name, it.error_code, None if it.done_at is None else it.done_at.isoformat()]
        for it in reports
    ]


def golden_of(name: str) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text())
    return golden


def test_every_profile_has_its_golden_file() -> None:
    """A new profile comes with what it says and reads, on the table."""
    assert {it.stem for it in GOLDEN.glob("*.json")} == set(shipped_names())


@pytest.mark.parametrize("name", shipped_names())
def test_requests_are_the_same_to_the_byte(name: str) -> None:
    """One segment, several, UCS-2 with an emoji; with and without a receipt."""
    golden = golden_of(name)
    assert {asked.partition("+")[0] for asked in golden["requests"]} == MESSAGES.keys()
    assert any("+" in asked for asked in golden["requests"])
    carrier = bound(golden, name)
    assert {asked: requests(carrier, asked) for asked in golden["requests"]} == golden["requests"]


@pytest.mark.parametrize("name", shipped_names())
def test_the_question_is_the_same_to_the_byte(name: str) -> None:
    """Where the carrier can be asked, how; and what its answers settle."""
    golden = golden_of(name)
    carrier = bound(golden, name)
    of = MESSAGES["short"]
    question = carrier.question(of, of.segments[0])
    assert (None if question is None else written(question)) == golden["question"]
    for status, body, *meant in golden["question_answers"]:
        result = carrier.read_question(Answer(status, body.encode(), None))
        assert [result.outcome.value, result.carrier_message_id] == meant, (status, body)
    assert bool(golden["question_answers"]) == (question is not None)


@pytest.mark.parametrize("name", shipped_names())
def test_answers_are_read_as_the_table_says(name: str) -> None:
    """Successes and every class of error that the carrier's documentation has."""
    golden = golden_of(name)
    carrier = bound(golden, name)
    assert len(golden["answers"]) >= 5
    for status, body, *meant in golden["answers"]:
        assert read_answer(carrier, status, body) == meant, (status, body)


@pytest.mark.parametrize("name", shipped_names())
def test_receipts_are_read_as_the_table_says(name: str) -> None:
    """Delivered, failed, on their way; an error code; what is not for us, and what cannot be read."""
    golden = golden_of(name)
    carrier = bound(golden, name)
    assert len(golden["receipts"]) >= 3
    for receipt, meant in golden["receipts"]:
        assert read_receipt(carrier, receipt) == meant, receipt


def _with_other_outcome(row: RuleForm) -> RuleForm:
    """Return a row that says something else."""
    other = Verdict.PERMANENT if row.outcome is Verdict.OPERATOR else Verdict.OPERATOR
    return row.model_copy(update={"outcome": other, "message_id": None})


@pytest.mark.parametrize("name", shipped_names())
def test_each_row_of_a_table_is_on_the_table(name: str) -> None:
    """Were any row of the answers to say something else, at least one golden answer would be read otherwise."""
    golden, rows = golden_of(name), shipped_profile(name).form.answers
    answers = [Answer(status, body.encode(), "7") for status, body, *_ in golden["answers"]]
    for honours_key in (False, True):
        whole = AnswerTable(rows, ("answers",))
        as_is = [whole.read(it, honours_key=honours_key) for it in answers]
        for index, row in enumerate(rows):
            if row.in_progress and not honours_key:
                continue  # asked of who honours the key alone
            changed = AnswerTable((*rows[:index], _with_other_outcome(row), *rows[index + 1 :]), ("answers",))
            assert [changed.read(it, honours_key=honours_key) for it in answers] != as_is, row


@pytest.mark.parametrize("name", shipped_names())
@pytest.mark.parametrize("table", ["states", "errors"])
def test_each_word_of_a_receipt_is_on_the_table(name: str, table: str) -> None:
    """Were any word or code of the carrier to mean another state, a golden receipt would be read otherwise."""
    golden, profile = golden_of(name), shipped_profile(name)
    receipts = profile.form.receipts
    assert receipts is not None
    words: dict[str, str] = getattr(receipts, table)
    for word, state in words.items():
        other = "EXPIRED" if state != "EXPIRED" else "DELIVRD"
        changed = receipts.model_copy(update={table: {**words, word: other}})
        carrier = bound(golden, name)
        carrier.profile = CarrierProfile(name, profile.form.model_copy(update={"receipts": changed}))
        read = [[it, read_receipt(carrier, it)] for it, _ in golden["receipts"]]
        assert read != golden["receipts"], word
