"""Step 1, admission: the attributes of a request become a submission, or a list of everything wrong with them.

Pure: no authentication, no directory. Whether the trunk may send from this source is the processor's question
(step 2). The single checks (`check_content`, `check_destination`, `check_source`) return None or the problem in words,
and are shared by all three ways in: the HTTP API, the panel's Send SMS tool and the public topic.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from pipeline.e164 import number_problem
from pipeline.errors import Unencodable
from pipeline.steps.segmentation import count_segments
from schemas.address import MSISDN, unseen
from schemas.directory.account import NumberCheck
from schemas.identifiers import uuid7
from schemas.labels import reference_problem, tags_problems
from schemas.submission import MAX_DESTINATIONS, UncheckedDestination, UncheckedSubmission
from schemas.unchecked import encode

MAX_CONTENT_LENGTH: Final = 16_384  # characters; what `Submission.content` holds
MAX_SOURCE_LENGTH: Final = 15

_REQUIRED: Final = frozenset({"destination", "source", "content"})
_ATTRIBUTES: Final = _REQUIRED | {"client_reference", "tags"}
_MAX_UNKNOWN_LISTED: Final = 20
_MAX_NAME_SHOWN: Final = 64


class Problem(NamedTuple):
    """One thing that is wrong. `pointer` (RFC 6901) leads to it from the attributes, `/destination/3`."""

    pointer: str
    detail: str


class Admitted(NamedTuple):
    """A submission that has passed every check. `messages` are (message id, destination), in order."""

    trunk_id: str
    source: str
    content: str
    messages: tuple[tuple[str, str], ...]
    accepted_at: datetime
    idempotency_key: str | None = None
    idempotency_digest: str | None = None
    client_reference: str | None = None
    tags: tuple[str, ...] | None = None

    def to_bytes(self) -> bytes:
        """Return the value of its record on `sms.mt.submitted`."""
        return encode(
            UncheckedSubmission(
                trunk_id=self.trunk_id,
                source=self.source,
                content=self.content,
                destinations=tuple(
                    [UncheckedDestination(address=address, id=identity) for identity, address in self.messages]
                ),
                idempotency_key=self.idempotency_key,
                idempotency_digest=self.idempotency_digest,
                client_reference=self.client_reference,
                tags=self.tags,
                accepted_at=self.accepted_at,
            )
        )


def admit(
    attributes: Mapping[str, object],
    *,
    trunk_id: str,
    max_segments: int,
    now: datetime,
    number_check: NumberCheck = NumberCheck.PLAN,
) -> Admitted | list[Problem]:
    """Return the submission of a request for one message, or every problem in it."""
    problems: list[Problem] = []
    destination = _text(attributes, "destination", problems)
    if destination and (problem := check_destination(destination, number_check)):
        problems.append(Problem("/destination", problem))
    return _submission(attributes, [destination], problems, trunk_id, max_segments, now)


def admit_bulk(
    attributes: Mapping[str, object],
    *,
    trunk_id: str,
    max_segments: int,
    now: datetime,
    number_check: NumberCheck = NumberCheck.PLAN,
) -> Admitted | list[Problem]:
    """Return the submission of a request for up to 1000 destinations, or every problem in it.

    A number that is listed twice is one destination, in the place of the first.
    """
    problems: list[Problem] = []
    destinations = _destinations(attributes, problems, number_check)
    return _submission(attributes, destinations, problems, trunk_id, max_segments, now)


def check_destination(number: str, check: NumberCheck = NumberCheck.PLAN) -> str | None:
    """Return what is wrong with a destination number, or None. `check` is its account's."""
    if MSISDN.fullmatch(number) is None:
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


def check_content(text: str, max_segments: int) -> str | None:
    """Return why `text` cannot be sent, or None. The problem never quotes the text."""
    if not text:
        return "content must not be empty"
    if len(text) > MAX_CONTENT_LENGTH:
        return f"content must not be longer than {MAX_CONTENT_LENGTH} characters"
    try:
        segments = count_segments(text)
    except Unencodable as error:
        return f"content cannot be sent: {error}"
    if segments > max_segments:
        return f"content takes {segments} segments; at most {max_segments} are allowed"
    return None


def _submission(
    attributes: Mapping[str, object],
    destinations: list[str],
    problems: list[Problem],
    trunk_id: str,
    max_segments: int,
    now: datetime,
) -> Admitted | list[Problem]:
    source = _text(attributes, "source", problems)
    if source and (problem := check_source(source)):
        problems.append(Problem("/source", problem))
    content = _text(attributes, "content", problems)
    if content and (problem := check_content(content, max_segments)):
        problems.append(Problem("/content", problem))
    reference, tags = None, None
    if len(attributes) > len(_REQUIRED) or not attributes.keys() <= _REQUIRED:
        reference, tags = _labels(attributes, problems)
        _list_unknown(attributes, problems)
    if problems:
        return problems
    messages = tuple([(uuid7(), address) for address in dict.fromkeys(destinations)])
    return Admitted(trunk_id, source, content, messages, now, client_reference=reference, tags=tags)


def _text(attributes: Mapping[str, object], name: str, problems: list[Problem]) -> str:
    """Return a required string, or "" after noting why there is none."""
    value = attributes.get(name)
    if isinstance(value, str) and value:
        return value
    if name not in attributes:
        detail = f"{name} is missing"
    elif value == "":
        detail = f"{name} must not be empty"
    else:
        detail = f"{name} must be a string"
    problems.append(Problem(f"/{name}", detail))
    return ""


def _labels(attributes: Mapping[str, object], problems: list[Problem]) -> tuple[str | None, tuple[str, ...] | None]:
    """Return reference and tags; None where there are none, which a null and an empty array say too."""
    reference, tags = attributes.get("client_reference"), attributes.get("tags")
    if reference is not None and (problem := reference_problem(reference)):
        problems.append(Problem("/client_reference", f"client_reference {problem}"))
    for place, problem in () if tags is None else tags_problems(tags):
        pointer, what = ("/tags", "tags") if place is None else (f"/tags/{place}", "tag")
        problems.append(Problem(pointer, f"{what} {problem}"))
    return (
        reference if isinstance(reference, str) else None,
        tuple(tags) if isinstance(tags, list) and tags else None,
    )


def _destinations(attributes: Mapping[str, object], problems: list[Problem], check: NumberCheck) -> list[str]:
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
        elif problem := check_destination(number, check):
            problems.append(Problem(f"/destination/{index}", problem))
    return value


def _list_unknown(attributes: Mapping[str, object], problems: list[Problem]) -> None:
    unknown = [name for name in attributes if name not in _ATTRIBUTES]
    for name in unknown[:_MAX_UNKNOWN_LISTED]:
        if name == "campaign_id":
            problems.append(Problem("/campaign_id", "campaign_id is not offered yet: send from a source address"))
            continue
        shown = name[:_MAX_NAME_SHOWN]
        shown = shown if shown.isprintable() else ascii(shown)[1:-1]
        pointer = shown.replace("~", "~0").replace("/", "~1")
        problems.append(Problem(f"/{pointer}", f"{shown} is not a known attribute"))
    if len(unknown) > _MAX_UNKNOWN_LISTED:
        problems.append(Problem("", f"{len(unknown) - _MAX_UNKNOWN_LISTED} more attributes are not known"))
