"""Every rule of the directory, in one place for the panel, the API and the files.

A set of changes is checked as a whole against what the directory would be after it, so an account and its trunk, or
a DID and the trunk that stops using it, can go together. A problem's place is `<kind>:<id>/<attribute>[/<index>]`.
"""

from collections.abc import Iterator, Sequence

from pipeline.directory.model import Directory
from pipeline.directory.rules.after import After
from pipeline.directory.rules.changes import Change, Problem, Removal
from pipeline.directory.rules.entries import EntryRules
from pipeline.directory.rules.readable import readable_texts, unreadable
from pipeline.directory.rules.references import removed, senders_taken_away, sources_taken_away
from pipeline.directory.rules.unique import unique
from pipeline.errors import RuleViolated


def check(changes: Sequence[Change], directory: Directory) -> None:
    """Raise `RuleViolated` with every problem of `changes`, taken as one set; return when there is none."""
    problems = list(_problems(After(changes, directory)))
    if problems:
        raise RuleViolated(problems)


def _problems(after: After) -> Iterator[Problem]:
    for key in after.repeated:
        yield key, "is changed twice at once"
    rules = EntryRules(after)
    for key, change in after.changes.items():
        if isinstance(change, Removal):
            continue
        found = list(unreadable(key, change))
        if found:
            yield from found
            yield from readable_texts(key, change, {where for where, _ in found})
        else:
            yield from rules.problems(key, change)
    yield from unique(after)
    yield from removed(after)
    yield from sources_taken_away(after)
    yield from senders_taken_away(after)
