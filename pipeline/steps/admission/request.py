"""Step 1, admission: the attributes of a request become a submission, or a list of everything wrong with them.

Pure: no authentication, no directory. Whether the trunk may send from this source is the processor's question
(step 2). The single checks (`check_content`, `check_destination`, `check_source`) return None or the problem in words,
and are shared by all three ways in: the HTTP API, the panel's Send SMS tool and the public topic.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from pipeline.e164 import number_problem
from pipeline.errors import Unencodable
from pipeline.steps.admission.attributes import Problem, list_unknown, required_text
from pipeline.steps.admission.optional_attributes import NOTHING, OptionalAttributes, optional_attributes
from pipeline.steps.segmentation import count_segments
from pipeline.steps.smart_encoding import fit
from schemas.address import MSISDN, SHORT_CODE, unseen
from schemas.directory.account import NumberCheck
from schemas.headers.trace import TraceContext
from schemas.identifiers import uuid7
from schemas.messages.destination import MAX_CONTENT_LENGTH, UncheckedDestination
from schemas.messages.submission import MAX_DESTINATIONS, UncheckedSubmission
from schemas.text.smart_encoding import SmartEncoding
from schemas.unchecked import encode

MAX_SOURCE_LENGTH: Final = 15

_REQUIRED: Final = frozenset({"destination", "source", "content"})
_ATTRIBUTES: Final = _REQUIRED.union(OptionalAttributes._fields)
_OF_MESSAGES: Final = _ATTRIBUTES - {"destination"} | {"messages"}


class Own(NamedTuple):
    """What one destination has of its own: its text or what stands in the places of everybody's, and a reference."""

    content: str | None = None
    values: dict[str, str] | None = None
    client_reference: str | None = None


class Admitted(NamedTuple):
    """A submission that has passed every check. `messages` are (message id, destination), in order.

    `own` is what each of them has of its own, in the same order; without it they differ in their numbers alone.
    `content` is empty where each has its own.
    `bulk_id` is its own, by which several scheduled messages are cancelled together.
    """

    trunk_id: str
    source: str
    content: str
    messages: tuple[tuple[str, str], ...]
    accepted_at: datetime
    idempotency_key: str | None = None
    idempotency_digest: str | None = None
    client_reference: str | None = None
    tags: tuple[str, ...] | None = None
    smart_encoding: SmartEncoding | None = None
    campaign_id: str | None = None
    own: tuple[Own, ...] | None = None
    send_at: datetime | None = None
    validity_period: int | None = None
    bulk_id: str | None = None
    trace: TraceContext | None = None
    """What its record's headers say of it; no part of the value."""
    callback_url: str | None = None

    def to_bytes(self) -> bytes:
        """Return the value of its record on `sms.mt.submitted`."""
        return encode(
            UncheckedSubmission(
                id=self.bulk_id,
                trunk_id=self.trunk_id,
                source=self.source,
                content=self.content or None,
                destinations=self._destinations(),
                idempotency_key=self.idempotency_key,
                idempotency_digest=self.idempotency_digest,
                client_reference=self.client_reference,
                tags=self.tags,
                smart_encoding=self.smart_encoding,
                send_at=self.send_at,
                validity_period=self.validity_period,
                callback_url=self.callback_url,
                campaign_id=self.campaign_id,
                accepted_at=self.accepted_at,
            )
        )

    def _destinations(self) -> Any:
        if self.own is None:
            return tuple([UncheckedDestination(address=address, id=identity) for identity, address in self.messages])
        return tuple(
            [
                UncheckedDestination(
                    address=address, id=identity, content=own.content, values=own.values,
                    client_reference=own.client_reference,
                )
                for (identity, address), own in zip(self.messages, self.own, strict=True)
            ]
        )  # fmt: skip


class Terms(NamedTuple):
    """What holds for a request apart from what it says: whose it is, and what may be in it.

    `number_check` is its account's, and `short_codes` whether some route of that takes them. `smart_encoding` is its
    trunk's, which counts where the request says nothing of it. One that `may_repeat` another may come so late that its
    time to be sent has come meanwhile.
    """

    trunk_id: str
    max_segments: int
    number_check: NumberCheck = NumberCheck.PLAN
    short_codes: bool = False
    smart_encoding: SmartEncoding | None = None
    may_repeat: bool = False

    def destination_problem(self, number: str) -> str | None:
        """Return what is wrong with a destination number, or None."""
        return check_destination(number, self.number_check, short_codes=self.short_codes)


def admit(attributes: Mapping[str, object], terms: Terms, now: datetime) -> Admitted | list[Problem]:
    """Return the submission of a request for one message, or every problem in it."""
    problems: list[Problem] = []
    destination = required_text(attributes, "destination", problems)
    if destination and (problem := terms.destination_problem(destination)):
        problems.append(Problem("/destination", problem))
    return admit_checked(attributes, [destination], problems, terms, now)


def admit_bulk(attributes: Mapping[str, object], terms: Terms, now: datetime) -> Admitted | list[Problem]:
    """Return the submission of a request for up to 1000 destinations, or every problem in it.

    A number that is listed twice is one destination, in the place of the first.
    """
    problems: list[Problem] = []
    destinations = _destinations(attributes, problems, terms)
    return in_bulk(admit_checked(attributes, destinations, problems, terms, now))


def check_destination(
    number: str, check: NumberCheck = NumberCheck.PLAN, *, short_codes: bool = False
) -> str | None:  # fmt: skip
    """Return what is wrong with a destination number, or None. `check` is its account's.

    `short_codes`: some route takes them.
    """
    if MSISDN.fullmatch(number) is None:
        if short_codes and SHORT_CODE.fullmatch(number) is not None:
            return None
        return f"destination {_no_msisdn(number)}"
    problem = number_problem(number, check)
    return None if problem is None else f"destination {problem}"


def check_source(source: str) -> str | None:
    """Return what is wrong with a sender as a text, or None; who may use it is not asked here."""
    if len(source) > MAX_SOURCE_LENGTH:
        return f"source must not be longer than {MAX_SOURCE_LENGTH} characters"
    if source.startswith("+"):
        return "source must start with the country code, without a plus"
    if not source.isprintable() or source != source.strip():
        problem = "source must not hold control characters, nor begin or end with a space"
        return f"{problem}; {odd}" if (odd := unseen(source)) else problem
    return None if source else "source must not be empty"


def _no_msisdn(number: str) -> str:
    if number.startswith("+"):
        return "must start with the country code, without a plus"
    meant = number.removeprefix("00")
    if meant != number and MSISDN.fullmatch(meant) and number_problem(meant) is None:
        return f"must start with the country code, without the 00 of an international call; {meant} is meant"
    problem = "must be 7 to 15 digits in international format, country code first"
    return f"{problem}; {odd}" if (odd := unseen(number)) else problem


def check_content(text: str, max_segments: int, mode: SmartEncoding = SmartEncoding.OFF) -> str | None:
    """Return why `text` cannot be sent, or None. The problem never quotes the text."""
    if not text:
        return "content must not be empty"
    if len(text) > MAX_CONTENT_LENGTH:
        return f"content must not be longer than {MAX_CONTENT_LENGTH} characters"
    try:
        plain = mode is SmartEncoding.OFF and text.isascii()  # stays as it is
        segments = count_segments(text if plain else fit(text, mode).text)
    except Unencodable as error:
        return f"content cannot be sent: {error}"
    if segments > max_segments:
        return f"content takes {segments} segments; at most {max_segments} are allowed"
    return None


def admit_checked(
    attributes: Mapping[str, object],
    destinations: Sequence[str],
    problems: list[Problem],
    terms: Terms,
    now: datetime,
    own: Sequence[Own] | None = None,
) -> Admitted | list[Problem]:
    """Return the submission of a request whose `destinations` have been looked at, or `problems` and the others.

    With `own` that is true of the texts too, and each destination is a message, also one that is there twice.
    """
    source = required_text(attributes, "source", problems)
    if source and (problem := check_source(source)):
        problems.append(Problem("/source", problem))
    more: list[Problem] = []
    said = NOTHING
    if own is not None or len(attributes) > len(_REQUIRED) or not attributes.keys() <= _REQUIRED:
        said = optional_attributes(attributes, more, now, may_repeat=terms.may_repeat)
        list_unknown(attributes, _ATTRIBUTES if own is None else _OF_MESSAGES, more)
    if own is None:
        content = required_text(attributes, "content", problems)
        mode = said.smart_encoding or terms.smart_encoding or SmartEncoding.OFF
        if content and (problem := check_content(content, terms.max_segments, mode)):
            problems.append(Problem("/content", problem))
    else:
        content = str(attributes.get("content", ""))
    problems += more
    if problems:
        return problems
    messages = tuple([(uuid7(), address) for address in (dict.fromkeys(destinations) if own is None else destinations)])
    admitted = Admitted(terms.trunk_id, source, content, messages, now)
    if said is NOTHING:
        return admitted
    return admitted._replace(own=None if own is None else tuple(own), **said._asdict())


def in_bulk(admitted: Admitted | list[Problem]) -> Admitted | list[Problem]:
    """Return a bulk with an id by which all of it can be cancelled, where it waits for its time."""
    if isinstance(admitted, Admitted) and admitted.send_at is not None:
        return admitted._replace(bulk_id=uuid7())
    return admitted


def _destinations(attributes: Mapping[str, object], problems: list[Problem], terms: Terms) -> list[str]:
    value = attributes.get("destination")
    if not isinstance(value, list):
        detail = "must be an array of strings" if "destination" in attributes else "is missing"
        problems.append(Problem("/destination", f"destination {detail}"))
        return []
    if not 1 <= len(value) <= MAX_DESTINATIONS:
        detail = f"destination must list 1 to {MAX_DESTINATIONS} numbers, not {len(value)}"
        problems.append(Problem("/destination", detail))
        # Of a list that is too long the numbers are not looked at: the body's size alone bounds how many there are.
        return []
    for index, number in enumerate(value):
        if not isinstance(number, str):
            problems.append(Problem(f"/destination/{index}", "destination must be a string"))
        elif problem := terms.destination_problem(number):
            problems.append(Problem(f"/destination/{index}", problem))
    return value
