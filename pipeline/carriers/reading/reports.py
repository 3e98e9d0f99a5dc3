"""A receipt becomes reports: what a carrier pushes, read by the field names and state words of its profile."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from pipeline.carriers.profile_form.answers import SourceForm
from pipeline.carriers.profile_form.receipts import ReceiptsForm, TimeForm
from pipeline.carriers.reading.document import Document, Find, elements_by_xpath, follow, pointer_steps
from pipeline.carriers.reading.search import conditions, finder
from pipeline.carriers.receipt import ReceiptReport, ReceiptRequest
from pipeline.carriers.templates.placeholders import BadTemplate
from pipeline.errors import BadReceipt
from pipeline.receipts.receipt_text import parse_receipt_text, state_of
from schemas.messages.dlr import RECEIPT_STATES, MessageState

MAX_REPORTS: Final = 1000
MAX_BYTES: Final = 1_048_576
MAX_ID_LENGTH: Final = 128
MAX_CODE_LENGTH: Final = 64
_OFFSET: Final = re.compile(r"([+-][0-9]{2})([0-9]{2})$")

Path = tuple[str | int, ...]
_Split = Callable[[Document], list[Document]]


class ReportReader:
    """Reads one carrier's receipts. `path` is where the form stands in its profile. Raises `BadTemplate`."""

    def __init__(self, form: ReceiptsForm, path: Path = ("receipts",)) -> None:
        self._split: _Split = (lambda it: [it]) if form.each is None else _splitter(form.each, (*path, "each"))
        self._only = conditions(form.only, (*path, "only"))
        self._ids = _finders(form.id or (), (*path, "id"))
        self._words = _finders(form.state, (*path, "state"))
        self._states = {word.casefold(): RECEIPT_STATES[it] for word, it in form.states.items()}
        self._other = None if form.other is None else RECEIPT_STATES[form.other]
        self._errors = _finders(form.error or (), (*path, "error"))
        self._by_error = {code: RECEIPT_STATES[word] for code, word in form.errors.items()}
        self._done_at = None if form.done_at is None else finder(form.done_at, (*path, "done_at"))
        self._time = None if form.done_at is None else _time_reader(form.done_at, (*path, "done_at"))

    def read(self, request: ReceiptRequest) -> list[ReceiptReport]:
        """Return what a receipt says; nothing for one that is about something else. Raises `BadReceipt`."""
        if len(request.body) > MAX_BYTES:
            raise BadReceipt(f"has more than {MAX_BYTES} bytes")
        parts = self._split(Document(request.body, request.query))
        if len(parts) > MAX_REPORTS:
            raise BadReceipt(f"has more than {MAX_REPORTS} reports")
        return [self._report(it) for it in parts if all(holds(it) for holds in self._only)]

    def _report(self, document: Document) -> ReceiptReport:
        identity = _first(self._ids, document)
        error_code = _first(self._errors, document)
        state = self._state(document)
        if error_code is not None and state.is_final and state is not MessageState.DELIVERED:
            state = self._by_error.get(error_code, state)
        return ReceiptReport(
            None if identity is None else identity[:MAX_ID_LENGTH],
            state,
            None if error_code is None else error_code[:MAX_CODE_LENGTH],
            self._when(document),
        )

    def _state(self, document: Document) -> MessageState:
        found = False
        for find in self._words:
            for word in find(document):
                found = True
                state = self._states.get(word.strip().casefold()) or _smpp_state(word)
                if state is not None:
                    return state
        if not found:
            raise BadReceipt("has no state where its profile looks for one")
        if self._other is None:
            raise BadReceipt("has a state that its profile does not know")
        return self._other

    def _when(self, document: Document) -> datetime | None:
        if self._done_at is None or self._time is None:
            return None
        found = self._done_at(document)
        return self._time(found[0]) if found else None


def _smpp_state(text: str) -> MessageState | None:
    """Return the state of one of SMPP's words, or of the text of a receipt, which some carriers pass on whole."""
    try:
        return parse_receipt_text(text).state if "stat:" in text.casefold() else state_of(text)
    except BadReceipt:
        return None


def _finders(forms: tuple[SourceForm, ...], path: Path) -> tuple[Find, ...]:
    return tuple(finder(form, (*path, index)) for index, form in enumerate(forms))


def _first(finders: tuple[Find, ...], document: Document) -> str | None:
    return next((text for find in finders for it in find(document) if (text := it.strip())), None)


def _splitter(form: SourceForm, path: Path) -> _Split:
    if form.pattern is not None or (form.json_ is None and form.xpath is None):
        raise BadTemplate("is a JSON pointer or an XPath, without a pattern", path)
    try:
        if form.json_ is not None:
            steps = pointer_steps(form.json_)

            def split_json(document: Document) -> list[Document]:
                lists = [it for it in follow(document.json, steps) if isinstance(it, list)]
                if not lists:
                    raise BadReceipt("has no list where its profile looks for one")
                return [Document(b"", json=it) for it in lists[0][: MAX_REPORTS + 1]]

            return split_json
        elements, attribute = elements_by_xpath(form.xpath or "")
    except ValueError as error:
        raise BadTemplate(str(error), path) from None
    if attribute is not None:
        raise BadTemplate("leads to elements, not to attributes", path)
    return lambda document: [Document.of_element(it) for it in elements(document)]


def _time_reader(form: TimeForm, path: Path) -> Callable[[str], datetime | None]:
    """Return what reads a time; one that cannot be read is not there, because the report still counts."""
    written = form.written
    if written == "rfc3339":
        return _rfc3339
    if written in ("seconds", "milliseconds"):
        divisor = 1 if written == "seconds" else 1000

        def since_1970(text: str) -> datetime | None:
            try:
                return datetime.fromtimestamp(float(text[:20]) / divisor, UTC)
            except (ValueError, OverflowError, OSError):
                return None

        return since_1970
    if "%" not in written:
        raise BadTemplate("is rfc3339, seconds, milliseconds, or a form of strptime", (*path, "written"))

    def by_form(text: str) -> datetime | None:
        try:
            return _aware(datetime.strptime(text[:64], written))  # noqa: DTZ007  # _aware says which zone
        except (ValueError, re.error):
            return None

    return by_form


def _rfc3339(text: str) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(_OFFSET.sub(r"\1:\2", text[:64].strip())))
    except ValueError:
        return None


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
