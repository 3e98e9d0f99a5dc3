"""A profile with one carrier's parameters and secrets: what delivery works with."""

import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.alphabets.national import alphabet, choice_of
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.carriers.profiles.profile import CarrierProfile
from pipeline.carriers.profiles.request import Request, RequestTemplate, RequestWriter
from pipeline.carriers.profiles.settings import constants, settings_problems
from pipeline.carriers.receipt import ReceiptReport, ReceiptRequest
from pipeline.carriers.templates.placeholders import Leaf, Scope, resolve
from pipeline.carriers.templates.variables import Moment, Sent, Shape, Value, Values
from pipeline.errors import BadReceipt, Inexpressible, RuleViolated
from pipeline.http.answer import Answer
from pipeline.http.tls import tls_context
from schemas.messages.dlr import ExpectedReceipt
from schemas.messages.mt_message import DataCoding, MtMessage, Segment

_NONCE_BYTES: Final = 16


def _now() -> datetime:
    return datetime.now(UTC)


class BoundCarrier:
    """Raises `RuleViolated` where the carrier's settings do not fit the profile.

    `honours_key`: what may have been taken is posted again with its key, because the carrier knows it by that.
    """

    def __init__(
        self,
        profile: CarrierProfile,
        url: str,
        parameters: Mapping[str, str],
        secrets: Mapping[str, str],
        *,
        honours_key: bool = False,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        problems = list(settings_problems(profile.form, url, parameters, secrets.keys()))
        if problems:
            raise RuleViolated(problems)
        self.profile = profile
        self.whole_text = profile.whole_text
        self._honours_key = honours_key
        self.clock = clock
        self.constants: Mapping[str, Value] = constants(profile.form, url, parameters, secrets)
        chosen = {name: str(value) for name, value in self.constants.items() if name in profile.names.cases}
        self.cases: Mapping[str, str] = chosen
        self._requests = _Requests(self, profile.request)
        self._questions = None if profile.query is None else _Requests(self, profile.query)
        self._polls = None if profile.poll is None else RequestWriter(profile.poll, self._without_message())
        self.tls = self._tls()
        self.addresses = list(self._addresses())

    def _tls(self) -> ssl.SSLContext | None:
        if not self.profile.tls:
            return None
        scope = self._without_message()
        given: dict[str, str] = {}
        for name, parts in self.profile.tls.items():
            leaf = resolve(parts, scope)
            if isinstance(leaf, Leaf) and isinstance(leaf.constant, str):
                given[name] = leaf.constant
        if not given:
            return None
        try:
            return tls_context(given.get("ca"), given.get("client_certificate"), given.get("client_key"))
        except ValueError as error:
            raise RuleViolated([("tls", str(error))]) from None

    def _addresses(self) -> Iterator[str]:
        """Where connections go to: the beginning of each URL."""
        for first, *_ in self.profile.request.urls:
            value = first if isinstance(first, str) else self.constants[first.name]
            if value:
                yield str(value)

    def unit(self, message: MtMessage, segment: Segment) -> Segment:
        """Return what one POST hands over: the segment, or the whole text as if it were the first of them."""
        if not self.whole_text:
            return segment
        return Segment.model_construct(seqnum=1, text="".join([it.text for it in message.segments]), udh=None)

    def request(self, message: MtMessage, segment: Segment, receipt_url: str | None = None) -> Request:
        """Return the request that hands over a unit. Raises `Inexpressible`."""
        if message.national_language is not None and not self._takes(message):
            raise Inexpressible(
                f"the carrier does not take the {message.national_language} tables that it is written in"
            )
        return self._requests.write(message, segment, receipt_url)

    def _takes(self, message: MtMessage) -> bool:
        """Tell whether the carrier takes a message's national tables: its profile may have been another one before."""
        choice = choice_of(message.segments[0].udh or "00")
        return choice is not None and alphabet(choice) in self.profile.national_alphabets

    def question(self, message: MtMessage, segment: Segment) -> Request | None:
        """Return the request that asks whether the carrier has a unit; None where it cannot be asked."""
        return None if self._questions is None else self._questions.write(message, segment, None)

    def poll(self, expected: ExpectedReceipt) -> Request | None:
        """Return the request that asks what became of a segment; None where the carrier reports by itself.

        Raises `Inexpressible`.
        """
        if self._polls is None:
            return None
        values: Values = {
            "carrier_message_id": expected.carrier_message_id,
            "segment_id": f"{expected.message_id}:{expected.seqnum}",
            "message_id": expected.message_id,
        }
        return self._polls.write(values, None)

    def read_poll(self, answer: Answer) -> list[ReceiptReport]:
        """Return what an answer to that reports. Raises `BadReceipt` for one that reports nothing."""
        if answer.cut_short is not None or not 200 <= answer.status < 300:
            raise BadReceipt(f"HTTP {answer.status}{'' if answer.cut_short is None else f', then {answer.cut_short}'}")
        return self.profile.read_receipt(ReceiptRequest("GET", (), "", answer.body))

    def _without_message(self) -> Scope:
        return Scope(self.constants, self.cases, frozenset())

    def read(self, answer: Answer) -> AttemptResult:
        """Return what an answer to a request says."""
        return self.profile.answers.read(answer, honours_key=self._honours_key)

    def read_question(self, answer: Answer) -> AttemptResult:
        """Return what an answer to a question says: accepted it has it, not taken it has not, else in doubt."""
        table = self.profile.query_answers
        result = None if table is None or answer.cut_short is not None else table.listed(answer)
        if result is not None and result.outcome is Outcome.ACCEPTED:
            return result
        if result is not None and result.outcome is Outcome.NOT_TAKEN:
            return AttemptResult(Outcome.NOT_TAKEN, error="the carrier has not got it")
        cut = "" if answer.cut_short is None else f", then {answer.cut_short}"
        return AttemptResult(Outcome.IN_DOUBT, error=f"query: HTTP {answer.status}{cut}")

    def is_open(self, now: datetime) -> bool:
        """Tell whether the carrier takes messages at this hour."""
        window = self.profile.form.limits.window
        if window is None:
            return True
        clock = now.astimezone(ZoneInfo(window.time_zone)).time()
        begins, until = time.fromisoformat(window.begins), time.fromisoformat(window.until)
        return begins <= clock < until if begins <= until else clock >= begins or clock < until


class _Requests:
    """The requests of one template, with a writer for each shape of messages that has come."""

    def __init__(self, bound: BoundCarrier, template: RequestTemplate) -> None:
        self._bound = bound
        self._template = template
        self._depends_on_shape = template.depends_on_shape
        self._writers: dict[object, RequestWriter] = {}

    def write(self, message: MtMessage, segment: Segment, receipt_url: str | None) -> Request:
        key: object = receipt_url is None
        if self._depends_on_shape:
            is_gsm7 = message.data_coding is DataCoding.GSM7
            key = (key, segment.udh is None, len(message.segments) > 1, is_gsm7, message.national_language)
        writer = self._writers.get(key) or self._writer_for(key, message, segment, receipt_url)
        sent = None
        if writer.needs_moment:
            moment = Moment(self._bound.clock(), os.urandom(_NONCE_BYTES).hex(), receipt_url)
            sent = Sent(message, segment, moment, self._bound.profile.validity)
        return writer.write(_core_values(message, segment), sent)

    def _writer_for(self, key: object, message: MtMessage, segment: Segment, receipt_url: str | None) -> RequestWriter:
        many = len(message.segments) > 1
        language = message.national_language
        shape = Shape(message.data_coding, segment.udh is not None, many, receipt_url is not None, language)
        scope = Scope(self._bound.constants, {**self._bound.cases, **shape.cases}, shape.absent)
        writer = self._writers[key] = RequestWriter(self._template, scope)
        return writer


def _core_values(message: MtMessage, segment: Segment) -> Values:
    """Return what every request has at hand: `variables.CORE`, in its order."""
    return {
        "segment_id": f"{message.id}:{segment.seqnum}",
        "message_id": message.id,
        "source": message.source,
        "destination": message.destination,
        "data_coding": message.data_coding,
        "udh": segment.udh,
        "text": segment.text,
    }
