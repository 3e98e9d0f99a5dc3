"""An answer becomes an outcome, by the carrier's table; what the table does not list, by rules for all carriers.

A redirect, a 5xx and a 2xx that are not listed may come from somebody who has already passed the request on: in doubt.
429 is throttled (RFC 6585 section 4), any other 4xx a refusal.

A 2xx whose body breaks off is in doubt: a server that has begun a 200 has no other way left to say that it failed
(RFC 9112 section 8). So is any other answer that breaks off where the table asks about its body. Else what refuses says
so in its head, and nothing behind it can take that back.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from pipeline.carriers.outcome import OUTCOME_OF, AttemptResult, ErrorClass, Outcome
from pipeline.carriers.profile_form.answers import RuleForm, Verdict
from pipeline.carriers.reading.document import Document, Find
from pipeline.carriers.reading.search import Holds, conditions, finder
from pipeline.http.answer import Answer

MAX_ID_LENGTH: Final = 128
_CODE: Final = re.compile(r"[\w.:/ -]{1,64}")

Path = tuple[str | int, ...]


class _Rule(NamedTuple):
    fits_status: Callable[[int], bool]
    conditions: tuple[Holds, ...]
    error_class: ErrorClass | None
    message_id: Find | None
    error: Find | None
    says: str | None
    in_progress: bool


class AnswerTable:
    """A carrier's table. `path` is where it stands in its profile. Raises `BadTemplate`."""

    def __init__(self, forms: tuple[RuleForm, ...], path: Path) -> None:
        self._rules = [_rule(form, (*path, index)) for index, form in enumerate(forms)]
        self._by_status: dict[int, tuple[_Rule, ...]] = {}

    def read(self, answer: Answer, *, honours_key: bool = False) -> AttemptResult:
        """Return what an answer says. `honours_key`: the carrier knows a segment that it is sent again by its key."""
        status = answer.status
        rules = self._rules_for(status)
        if answer.cut_short is not None and (200 <= status < 300 or any(it.conditions for it in rules)):
            return AttemptResult(
                Outcome.IN_DOUBT, error=f"HTTP {status}, then {answer.cut_short}", status=status,
                error_class=ErrorClass.IN_DOUBT,
            )  # fmt: skip
        return self.listed(answer, honours_key=honours_key) or _unlisted(answer)

    def listed(self, answer: Answer, *, honours_key: bool = False) -> AttemptResult | None:
        """Return what the table itself says about an answer that is whole; None when no row fits."""
        document = Document(answer.body)
        for rule in self._rules_for(answer.status):
            if rule.in_progress and not honours_key:
                continue
            for holds in rule.conditions:
                if not holds(document):
                    break
            else:
                return _result(rule, answer, document)
        return None

    def _rules_for(self, status: int) -> tuple[_Rule, ...]:
        rules = self._by_status.get(status)
        if rules is None:
            rules = self._by_status[status] = tuple(it for it in self._rules if it.fits_status(status))
        return rules


def _rule(form: RuleForm, path: Path) -> _Rule:
    return _Rule(
        _status_test(form.status),
        conditions(form.body, (*path, "body")),
        None if form.outcome is Verdict.ACCEPTED else ErrorClass(form.outcome.value),
        None if form.message_id is None else finder(form.message_id, (*path, "message_id")),
        None if form.error is None else finder(form.error, (*path, "error")),
        form.says,
        form.in_progress,
    )


def _status_test(statuses: tuple[str, ...]) -> Callable[[int], bool]:
    families = {int(it[0]) for it in statuses if it.endswith("xx")}
    single = {int(it) for it in statuses if it.isdecimal()}
    every = "any" in statuses
    return lambda status: every or status in single or status // 100 in families


def _result(rule: _Rule, answer: Answer, document: Document) -> AttemptResult:
    if rule.error_class is None:
        found = None if rule.message_id is None else rule.message_id(document)
        return AttemptResult(Outcome.ACCEPTED, found[0][:MAX_ID_LENGTH] if found else None)
    error = f"HTTP {answer.status}"
    if rule.says is not None:
        error += f": {rule.says}"
    if rule.error is not None and (code := _code(rule.error(document))) is not None:
        error += f" (code {code})"
    # When to come again is said by who turns us away; from others it would be a number without a meaning.
    turned_away = OUTCOME_OF[rule.error_class] is Outcome.NOT_TAKEN
    return AttemptResult(
        OUTCOME_OF[rule.error_class], None, error, answer.retry_after if turned_away else None, answer.status,
        rule.error_class, rule.in_progress,
    )  # fmt: skip


def _code(found: list[str]) -> str | None:
    """A carrier's error code; what is longer, or looks like anything else, may quote the message and is not kept."""
    return found[0] if found and _CODE.fullmatch(found[0]) else None


def _unlisted(answer: Answer) -> AttemptResult:
    status = answer.status
    error_class = ErrorClass.IN_DOUBT
    error = f"HTTP {status}"
    if status == 429:
        error_class = ErrorClass.THROTTLED
    elif 400 <= status < 500:
        error_class = ErrorClass.PERMANENT
    elif 200 <= status < 300:
        error = f"HTTP {status}, which is not as its profile says"
    retry_after = answer.retry_after if error_class is ErrorClass.THROTTLED else None
    return AttemptResult(OUTCOME_OF[error_class], None, error, retry_after, status, error_class)
