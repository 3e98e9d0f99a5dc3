"""A profile, read and checked as a whole: a profile that this takes can be used."""

from datetime import timedelta
from typing import Final, Self

from pydantic import ValidationError

from pipeline.alphabets.national import alphabet, choices
from pipeline.carriers.profile_form.profile import ProfileForm
from pipeline.carriers.profiles.request import RequestTemplate
from pipeline.carriers.profiles.settings import addresses, cases, names_problems, template_kinds
from pipeline.carriers.reading.answers import AnswerTable
from pipeline.carriers.reading.reports import ReportReader
from pipeline.carriers.receipt import ReceiptReport, ReceiptRequest
from pipeline.carriers.templates.placeholders import BadTemplate, Parts, parse
from pipeline.carriers.templates.tree import Names
from pipeline.carriers.templates.variables import CASES, POLLED, Validity
from pipeline.errors import BadReceipt, RuleViolated
from pipeline.yaml_document import YamlDocument
from schemas.urls import url_problem

MAX_BYTES: Final = 65_536

Path = tuple[str | int, ...]


class CarrierProfile:
    """How one carrier is spoken to. Made by `parse`; it knows no carrier's parameters and no secrets."""

    def __init__(self, identity: str, form: ProfileForm) -> None:
        self.id = identity
        self.form = form
        self.names = Names(template_kinds(form), CASES | cases(form))
        self.addresses = addresses(form)
        self.validity = Validity(form.validity.shortest_seconds, form.validity.longest_seconds)
        self.national_alphabets = tuple(
            [alphabet(it) for language, tables in form.national_tables.items() for it in choices(language, tables)]
        )
        self.request = RequestTemplate(form.request, form.auth, self.names, self.addresses, ("request",))
        self.answers = AnswerTable(form.answers, ("answers",))
        self.query: RequestTemplate | None = None
        self.query_answers: AnswerTable | None = None
        if form.query is not None:
            self.query = RequestTemplate(form.query, form.auth, self.names, self.addresses, ("query",))
            self.query_answers = AnswerTable(form.query.answers, ("query", "answers"))
        self.takes_receipt_url = "receipt_url" in self.request.extras()
        """Whether the carrier is told with each POST where its receipt goes; else it names its own id."""
        self.poll: RequestTemplate | None = None
        if form.receipts is not None and form.receipts.poll is not None:
            names = Names(template_kinds(form, POLLED), cases(form))
            self.poll = RequestTemplate(form.receipts.poll, form.auth, names, self.addresses, ("receipts", "poll"))
        self._reports = None if form.receipts is None else ReportReader(form.receipts)
        self.tls: dict[str, Parts] = {}
        if form.tls is not None:
            for name, text in form.tls.model_dump(exclude_none=True).items():
                try:
                    self.tls[name] = parse(text, self.names.kinds)
                except BadTemplate as error:
                    raise BadTemplate(error.reason, ("tls", name)) from None

    @property
    def whole_text(self) -> bool:
        """Whether a message goes out whole, in one POST, and not segment by segment."""
        return self.form.sends == "whole_text"

    @property
    def polled_every(self) -> timedelta | None:
        """How long after a POST the carrier is asked what became of it; None where it reports by itself."""
        receipts = self.form.receipts
        return None if receipts is None or receipts.poll is None else timedelta(seconds=receipts.poll.every_seconds)

    @classmethod
    def parse(cls, identity: str, content: bytes) -> Self:
        """Read a profile. Raises `RuleViolated` with the line, the place and the reason of everything that is found."""
        if len(content) > MAX_BYTES:
            raise RuleViolated([("file", f"has more than {MAX_BYTES} bytes")])
        document = YamlDocument.parse(content)
        try:
            form = ProfileForm.model_validate(document.tree)
        except ValidationError as error:
            found = [(document.where(_written(it["loc"])), _reason(str(it["msg"]))) for it in error.errors()]
            raise RuleViolated(found) from None
        problems = [(document.where(place.split(".")), why) for place, why in names_problems(form)]
        if form.default_url is not None and (problem := url_problem(form.default_url)) is not None:
            problems.append((document.where(("default_url",)), problem))
        if problems:
            raise RuleViolated(problems)
        try:
            return cls(identity, form)
        except BadTemplate as error:
            raise RuleViolated([(document.where(error.path), error.reason)]) from None

    def read_receipt(self, request: ReceiptRequest) -> list[ReceiptReport]:
        """Return what a carrier reports of segments. Raises `BadReceipt`."""
        if self._reports is None:
            raise BadReceipt("the carrier's profile has no receipts")
        return self._reports.read(request)


def _written(location: Path) -> Path:
    """Return a place as it is written: a list may be written as its only entry."""
    return tuple(it for it in location if not (isinstance(it, str) and it.startswith("function-")))


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")
