"""Step 1 for many messages: one text to many numbers, or `messages` that differ in more than their numbers.

Of those each has a text of its own, or values for the places of one that the request has for all of them. They are
checked as they will be sent, all before any is taken, and every problem says where it is.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from pipeline.steps.admission.attributes import Problem, list_unknown, required_text
from pipeline.steps.admission.optional_attributes import reference_asked, smart_encoding_asked
from pipeline.steps.admission.request import (
    Admitted,
    Own,
    Terms,
    admit_bulk,
    admit_checked,
    check_content,
    in_bulk,
)
from schemas.messages.destination import MAX_CONTENT_LENGTH
from schemas.messages.submission import MAX_DESTINATIONS
from schemas.text.smart_encoding import SmartEncoding
from schemas.text.template import template, template_problem, values_problems

MAX_PROBLEMS: Final = 1000
"""Problems of messages that are listed: bounds the answer to a request that is wrong all over."""

_WITH_TEXTS: Final = frozenset({"destination", "content", "client_reference"})
_WITH_VALUES: Final = frozenset({"destination", "values", "client_reference"})


def admit_many(attributes: Mapping[str, object], terms: Terms, now: datetime) -> Admitted | list[Problem]:
    """Return the submission of a request for up to 1000 messages, or every problem in it."""
    if "messages" not in attributes:
        return admit_bulk(attributes, terms, now)
    problems: list[Problem] = []
    if "destination" in attributes:
        problems.append(Problem("/destination", "destination is in each of the messages"))
        attributes = {name: value for name, value in attributes.items() if name != "destination"}
    mode = smart_encoding_asked(attributes, []) or terms.smart_encoding or SmartEncoding.OFF
    content = _template(attributes, problems, terms.max_segments, mode)
    reader = _Reader(content, terms, mode)
    items = _items(attributes["messages"], problems)
    found: list[Problem] = []
    for index, item in enumerate(items):
        found += [Problem(f"/messages/{index}{pointer}", detail) for pointer, detail in reader.read(item)]
    problems += found[:MAX_PROBLEMS]
    if len(found) > MAX_PROBLEMS:
        problems.append(Problem("/messages", f"messages have {len(found) - MAX_PROBLEMS} more problems"))
    return in_bulk(admit_checked(attributes, reader.destinations, problems, terms, now, reader.own))


def _template(
    attributes: Mapping[str, object], problems: list[Problem], max_segments: int, mode: SmartEncoding
) -> str | None:
    """Return the text for all of the messages; None where each has its own, "" after noting what is wrong with it."""
    if "content" not in attributes:
        return None
    content = required_text(attributes, "content", problems)
    problem = None
    if len(content) > MAX_CONTENT_LENGTH:
        problem = f"must not be longer than {MAX_CONTENT_LENGTH} characters"
    elif content:
        problem = template_problem(content)
    if problem is not None:
        problems.append(Problem("/content", f"content {problem}"))
        return ""
    if content and not template(content).names and (problem := check_content(content, max_segments, mode)):
        problems.append(Problem("/content", problem))  # it is the same for all of them
    return content


def _items(value: object, problems: list[Problem]) -> list[object]:
    if not isinstance(value, list):
        problems.append(Problem("/messages", "messages must be an array of objects"))
        return []
    if not 1 <= len(value) <= MAX_DESTINATIONS:
        problems.append(Problem("/messages", f"messages must be 1 to {MAX_DESTINATIONS}, not {len(value)}"))
        return []
    return value


class _Reader:
    """Reads messages one after the other; what it has read of them is of use when none has a problem.

    `content` is the text of all of them, "" where that cannot be used: then values are not held against it.
    """

    def __init__(self, content: str | None, terms: Terms, mode: SmartEncoding) -> None:
        self._content = content
        self._terms = terms
        self._mode = mode
        self._has_places = bool(content and template(content).names)
        self.destinations: list[str] = []
        self.own: list[Own] = []

    def read(self, item: object) -> Iterator[Problem]:
        """Read a message and yield what is wrong with it; pointers begin in it."""
        if not isinstance(item, dict):
            yield Problem("", "a message must be an object")
            return
        problems: list[Problem] = []
        destination = required_text(item, "destination", problems)
        if destination and (problem := self._terms.destination_problem(destination)):
            problems.append(Problem("/destination", problem))
        content = None
        values: dict[str, str] | None = None
        if self._content is None:
            content = required_text(item, "content", problems)
            if content and (problem := self._text_problem(content)):
                problems.append(Problem("/content", problem))
        elif "content" in item:
            problems.append(Problem("/content", "content is the request's: a message has values for its places"))
        else:
            values = self._values(item.get("values"), problems)
        if self._content is None and "values" in item:
            problems.append(Problem("/values", "values are for the places of the request's content, and it has none"))
        reference = reference_asked(item, problems)
        list_unknown(item, _WITH_TEXTS | _WITH_VALUES, problems)
        self.destinations.append(destination)
        self.own.append(Own(content, values, reference))
        yield from problems

    def _text_problem(self, text: str) -> str | None:
        return check_content(text, self._terms.max_segments, self._mode)

    def _values(self, given: object, problems: list[Problem]) -> dict[str, str] | None:
        """Return what stands in the places of the request's content; None where it has none."""
        content = self._content or ""
        values = {} if given is None else given
        if not isinstance(values, dict) or not all(isinstance(it, str) for it in values.values()):
            problems.append(Problem("/values", "values must be an object of strings"))
        elif not content:
            pass
        elif problem := next(values_problems(content, values, MAX_CONTENT_LENGTH), None):
            problems.append(Problem("/values", f"values {problem}"))
        elif self._has_places and (problem := self._text_problem(template(content).fill(values))):
            problems.append(Problem("/values", f"with these values {problem}"))
        return values if self._has_places and isinstance(values, dict) else None
