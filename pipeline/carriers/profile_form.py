"""What a profile may hold. Values come as text (`pipeline.yaml_document`); an unknown attribute is a typing error.

Templates are left as they are: `pipeline.carriers.templates` reads them.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from pipeline.carriers.outcome import ErrorClass
from schemas.dlr import RECEIPT_STATES

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Words = Annotated[str, Field(min_length=1, max_length=2000)]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


def _as_texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Form(BaseModel):
    """Base."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ParameterKind(StrEnum):
    """What a parameter may hold."""

    TEXT = "text"
    NUMBER = "number"
    URL = "url"
    CHOICE = "choice"


class ParameterForm(Form):
    """Something that differs from carrier to carrier. Without `default`, and unless it is `optional`, it is needed."""

    about: Words
    kind: ParameterKind = ParameterKind.TEXT
    choices: Annotated[tuple[Slug, ...], Field(max_length=50)] = ()
    default: Annotated[str, Field(max_length=8192)] | None = None
    optional: bool = False
    multiline: bool = False
    """It has several lines, as a certificate does: forms give it room."""

    @model_validator(mode="after")
    def _choices_belong_to_a_choice(self) -> Self:
        if (self.kind is ParameterKind.CHOICE) != bool(self.choices):
            raise ValueError("choices belong to a parameter of kind choice, and to no other")
        if self.default is not None and self.choices and self.default not in self.choices:
            raise ValueError("the default is none of the choices")
        return self

    @property
    def needed(self) -> bool:
        """Whether a carrier without it cannot work."""
        return self.default is None and not self.optional


class SecretForm(Form):
    """A parameter that nobody may read: it is kept sealed."""

    about: Words
    optional: bool = False
    multiline: bool = False


class ValidityForm(Form):
    """Which validity periods the carrier takes."""

    shortest_seconds: Annotated[int, Field(ge=1)] = 1
    longest_seconds: Annotated[int, Field(ge=1)] = 7 * 86_400


class WindowForm(Form):
    """The hours of a day at which the carrier takes messages; `until` before `from` goes over midnight."""

    begins: Annotated[str, Field(alias="from", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    until: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone, as Europe/Berlin is one") from None
        return name


class LimitsForm(Form):
    """What the carrier can take."""

    segments_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    burst: Annotated[int, Field(ge=1, le=100_000)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = None
    window: WindowForm | None = None


class TlsForm(Form):
    """Templates of PEM texts: whom to trust in place of the usual ones, and who we are."""

    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None

    @model_validator(mode="after")
    def _a_certificate_has_a_key(self) -> Self:
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key belong together")
        return self


class BasicForm(Form):
    """HTTP Basic (RFC 7617)."""

    username: str
    password: str


class SignatureForm(Form):
    """An HMAC over chosen parts. It stands in a header or in the query, alone or with text around it (`value`)."""

    algorithm: Literal["sha1", "sha256", "sha384", "sha512", "md5"] = "sha256"
    key: str
    parts: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    separator: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    header: str | None = None
    query: str | None = None
    value: str = "{signature}"

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.header is None) == (self.query is None):
            raise ValueError("has a header or a query, one of them")
        return self


class AuthForm(Form):
    """Who we are to the carrier: one of these. A body that holds our name and password needs none."""

    basic: BasicForm | None = None
    bearer: str | None = None
    headers: dict[str, str] | None = None
    query: dict[str, str] | None = None
    signature: SignatureForm | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("is one of basic, bearer, headers, query, signature")
        return self


class BodyForm(Form):
    """What is in a request's body: one of these."""

    json_: Annotated[Any, Field(alias="json")] = None
    form: Any = None
    xml: Any = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("is one of json, form, xml")
        return self


class RequestForm(Form):
    """A request: its parts are templates. Of several URLs the next is tried where one cannot be reached."""

    method: Literal["GET", "POST"] = "POST"
    urls: Annotated[tuple[str, ...], Field(min_length=1, max_length=8), BeforeValidator(_as_texts)]
    headers: dict[str, Any] = {}
    query: dict[str, Any] = {}
    body: BodyForm | None = None

    @model_validator(mode="after")
    def _a_get_has_no_body(self) -> Self:
        if self.method == "GET" and self.body is not None:
            raise ValueError("a GET has no body")
        return self


class SourceForm(Form):
    """Where a value is found: one of `json`, `xpath`, `field`, `text`. `pattern` takes a part of it."""

    json_: Annotated[str | None, Field(alias="json")] = None
    xpath: str | None = None
    field: str | None = None
    text: str | None = None
    pattern: str | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set & {"json_", "xpath", "field", "text"}) != 1:
            raise ValueError("is one of json (a pointer), xpath, field, text (a pattern)")
        return self


class ConditionForm(SourceForm):
    """What must be true of a value: all that are found, or `any` of them, `equals` one of these, or `matches`.

    With neither it has to be there, with `absent` it must not.
    """

    equals: Annotated[tuple[str, ...], BeforeValidator(_as_texts)] | None = None
    matches: str | None = None
    any: bool = False
    absent: bool = False


Conditions = Annotated[tuple[ConditionForm, ...], BeforeValidator(_as_list), Field(max_length=10)]


class Verdict(StrEnum):
    """What an answer says."""

    ACCEPTED = "accepted"
    PERMANENT = ErrorClass.PERMANENT.value
    OPERATOR = ErrorClass.OPERATOR.value
    THROTTLED = ErrorClass.THROTTLED.value
    NOT_SENT = ErrorClass.NOT_SENT.value
    IN_DOUBT = ErrorClass.IN_DOUBT.value


Statuses = Annotated[
    tuple[Annotated[str, Field(pattern=r"^([1-5]xx|[1-5][0-9]{2}|any)$")], ...],
    BeforeValidator(_as_texts),
    Field(min_length=1, max_length=50),
]


class RuleForm(Form):
    """One row of the table of answers: the first that fits decides.

    `in_progress`: the carrier is still at work on an earlier POST of the same segment; the row counts only where the
    carrier's policy is to send again with the key. `error` finds a code for people to read; `says` are words for them.
    """

    status: Statuses
    body: Conditions = ()
    outcome: Verdict
    message_id: SourceForm | None = None
    error: SourceForm | None = None
    says: Annotated[str, Field(max_length=100)] | None = None
    in_progress: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.message_id is not None and self.outcome is not Verdict.ACCEPTED:
            raise ValueError("message_id belongs to the outcome accepted")
        if self.in_progress and self.outcome is not Verdict.IN_DOUBT:
            raise ValueError("in_progress belongs to the outcome in_doubt")
        return self


Rules = Annotated[tuple[RuleForm, ...], Field(min_length=1, max_length=100)]


class IdempotencyForm(Form):
    """By what the carrier knows a request that it has had before; `means` are words for people."""

    means: Words


class QueryForm(Form):
    """How to ask whether the carrier has a segment: accepted it has, not_sent it has not; else it stays in doubt."""

    method: Literal["GET", "POST"] = "GET"
    urls: Annotated[tuple[str, ...], Field(min_length=1, max_length=8), BeforeValidator(_as_texts)]
    headers: dict[str, Any] = {}
    query: dict[str, Any] = {}
    body: BodyForm | None = None
    answers: Rules

    @model_validator(mode="after")
    def _settles_or_not(self) -> Self:
        for rule in self.answers:
            if rule.outcome not in (Verdict.ACCEPTED, Verdict.NOT_SENT, Verdict.IN_DOUBT):
                raise ValueError("an answer to a question is accepted, not_sent or in_doubt")
        return self


class PollForm(RequestForm):
    """How to ask what became of what the carrier has taken: `{carrier_message_id}` is what it calls it.

    A 2xx is read as a pushed report is; one that says nothing final, and any other answer, is asked for again. The
    first question comes `every_seconds` after the POST, each other one after as long as all before it, an hour at most.
    """

    every_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    method: Literal["GET", "POST"] = "GET"


class TimeForm(SourceForm):
    """Where a time is found, and how it is written: RFC 3339, seconds or milliseconds since 1970, or strptime's form.

    One without a zone is UTC.
    """

    written: Annotated[str, Field(max_length=64)] = "rfc3339"


class AnswerForm(Form):
    """What the carrier wants to hear when it has reported; without one it hears how many reports were stored."""

    body: Annotated[str, Field(max_length=1000)]


Sources = Annotated[tuple[SourceForm, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=5)]


def _known_state(word: str) -> str:
    if word not in RECEIPT_STATES:
        raise ValueError(f"is no state: {', '.join(RECEIPT_STATES)}")
    return word


State = Annotated[str, AfterValidator(_known_state)]
"""One of SMPP's words."""


class ReceiptsForm(Form):
    """How what the carrier reports is read. Of several sources the first that is found counts; of states, is known.

    `each` leads to a list of reports (a JSON pointer, or an XPath); what does not pass `only` is no report. `states`
    are the carrier's words, in upper or lower case alike; SMPP's own need not be listed. `errors` are codes that say
    more than the word does. `other` is for words that are not listed; without it they are refused.
    With `poll` the carrier is asked, and a report without an id is about what was asked for.
    """

    poll: PollForm | None = None
    each: SourceForm | None = None
    only: Conditions = ()
    id: Sources | None = None
    state: Sources
    states: Annotated[dict[str, State], Field(max_length=200)] = {}
    other: State | None = None
    error: Sources | None = None
    errors: Annotated[dict[str, State], Field(max_length=500)] = {}
    done_at: TimeForm | None = None
    answer: AnswerForm | None = None

    @model_validator(mode="after")
    def _is_about_something(self) -> Self:
        if self.id is None and (self.poll is None or self.each is not None):
            raise ValueError("id is missing: only the answer to a question about one message needs none")
        return self


class ProfileForm(Form):
    """The whole profile."""

    version: Literal["1"]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    about: Words
    sources: Annotated[dict[str, Words], Field(max_length=50)] = {}
    unverified: Annotated[tuple[Words, ...], Field(max_length=50)] = ()
    sends: Literal["segments", "whole_text"] = "segments"
    default_url: str | None = None
    parameters: Annotated[dict[Slug, ParameterForm], Field(max_length=50)] = {}
    secrets: Annotated[dict[Slug, SecretForm], Field(max_length=20)] = {}
    tls: TlsForm | None = None
    validity: ValidityForm = ValidityForm()
    limits: LimitsForm = LimitsForm()
    auth: AuthForm | None = None
    request: RequestForm
    answers: Rules
    idempotency: IdempotencyForm | None = None
    query: QueryForm | None = None
    receipts: ReceiptsForm | None = None
