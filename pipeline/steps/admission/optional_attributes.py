"""Step 1, admission: what a request may say beside what it must. Null says nothing, as what is left out does."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pipeline.steps.admission.attributes import Problem
from schemas.identifiers import is_uuid
from schemas.messages.labels import reference_problem, tags_problems
from schemas.messages.timing import send_at_of, validity_problem
from schemas.text.smart_encoding import SmartEncoding
from schemas.urls import punycoded, url_problem

_LATE_REPETITION: Final = timedelta(days=1)  # for as long as an Idempotency-Key is known


class OptionalAttributes(NamedTuple):
    """What it says, None of what it does not; the attributes are called as in requests."""

    client_reference: str | None = None
    tags: tuple[str, ...] | None = None
    smart_encoding: SmartEncoding | None = None
    send_at: datetime | None = None
    validity_period: int | None = None
    callback_url: str | None = None
    campaign_id: str | None = None


NOTHING: Final = OptionalAttributes()


def optional_attributes(
    attributes: Mapping[str, object], problems: list[Problem], now: datetime, *, may_repeat: bool
) -> OptionalAttributes:
    """Return what a request says beside what it must; what is wrong with it is added to `problems`."""
    reference, tags = _labels(attributes, problems)
    smart_encoding = smart_encoding_asked(attributes, problems)
    send_at, validity_period = _timing(attributes, problems, now, may_repeat=may_repeat)
    callback_url = _callback_url(attributes, problems)
    return OptionalAttributes(
        reference, tags, smart_encoding, send_at, validity_period, callback_url, _campaign(attributes, problems)
    )


def _labels(attributes: Mapping[str, object], problems: list[Problem]) -> tuple[str | None, tuple[str, ...] | None]:
    """Return reference and tags; None where there are none, which a null and an empty array say too."""
    reference, tags = reference_asked(attributes, problems), attributes.get("tags")
    for place, problem in () if tags is None else tags_problems(tags):
        pointer, what = ("/tags", "tags") if place is None else (f"/tags/{place}", "tag")
        problems.append(Problem(pointer, f"{what} {problem}"))
    return reference, tuple(tags) if isinstance(tags, list) and tags else None


def reference_asked(attributes: Mapping[str, object], problems: list[Problem]) -> str | None:
    """Return what a message is to be called."""
    reference = attributes.get("client_reference")
    if reference is not None and (problem := reference_problem(reference)):
        problems.append(Problem("/client_reference", f"client_reference {problem}"))
    return reference if isinstance(reference, str) else None


def smart_encoding_asked(attributes: Mapping[str, object], problems: list[Problem]) -> SmartEncoding | None:
    """Return what the request says; None where it says nothing, as null does."""
    value = attributes.get("smart_encoding")
    found = next((it for it in SmartEncoding if it == value), None)
    if value is not None and found is None:
        problems.append(Problem("/smart_encoding", f"smart_encoding must be one of {', '.join(SmartEncoding)}"))
    return found


def _timing(
    attributes: Mapping[str, object], problems: list[Problem], now: datetime, *, may_repeat: bool
) -> tuple[datetime | None, int | None]:
    """Return when it is to be sent and for how long it may be tried; None where the request does not say."""
    send_at: datetime | None = None
    if (asked := attributes.get("send_at")) is not None:
        found = send_at_of(asked, now, -_LATE_REPETITION) if may_repeat else send_at_of(asked, now)
        if isinstance(found, str):
            problems.append(Problem("/send_at", f"send_at {found}"))
        else:
            send_at = found
    validity_period = attributes.get("validity_period")
    if validity_period is not None and (problem := validity_problem(validity_period)):
        problems.append(Problem("/validity_period", f"validity_period {problem}"))
    return send_at, validity_period if isinstance(validity_period, int) else None


def _callback_url(attributes: Mapping[str, object], problems: list[Problem]) -> str | None:
    """Return where the message's callbacks go, as it is asked for in the DNS; None where it is the trunk's URL."""
    value = attributes.get("callback_url")
    if value is None:
        return None
    if not isinstance(value, str):
        problems.append(Problem("/callback_url", "callback_url must be a string"))
        return None
    url = punycoded(value)
    problem = url_problem(url) if url else "must not be empty"
    if problem is not None:
        problems.append(Problem("/callback_url", f"callback_url {problem}"))
    return url


def _campaign(attributes: Mapping[str, object], problems: list[Problem]) -> str | None:
    """Return the id of a campaign; whether there is one is the processor's question."""
    value = attributes.get("campaign_id")
    if value is None:
        return None
    if not (isinstance(value, str) and is_uuid(value)):
        problems.append(Problem("/campaign_id", "campaign_id must be a UUID in lower case"))
        return None
    return value
