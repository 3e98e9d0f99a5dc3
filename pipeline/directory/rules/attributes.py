"""What attributes of several kinds of entries must keep to."""

from collections.abc import Iterator, Sequence

from pipeline.countries import COUNTRIES
from pipeline.directory.rules.after import After
from pipeline.directory.rules.changes import Problem
from pipeline.directory.values import name_problem
from schemas.directory.account import Account
from schemas.directory.limits import WINDOWED
from schemas.directory.trunk import Trunk


def account_exists(key: str, account_id: str, after: After) -> Iterator[Problem]:
    """Iterate over what is wrong with whose an entry is."""
    if after.get(Account, account_id) is None:
        yield f"{key}/account_id", f"there is no account {account_id}"


def named(where: str, name: str) -> Iterator[Problem]:
    """Iterate over what is wrong with a name."""
    if (problem := name_problem(name)) is not None:
        yield where, problem


def limit_problems(key: str, entry: Trunk | Account) -> Iterator[Problem]:
    """Iterate over what is wrong with limits, of which some need another attribute that says what they are in."""
    if entry.spend_per_day is not None and entry.spend_currency is None:
        yield f"{key}/spend_currency", "must say what the spend per day is in"
    if entry.spend_currency is not None and entry.spend_per_day is None:
        yield f"{key}/spend_currency", "there is no spend per day that it could be of"
    for limit, window in WINDOWED:
        messages, minutes = getattr(entry, limit), getattr(entry, window)
        if messages is not None and minutes is None:
            yield f"{key}/{window}", "must say in how many minutes so many messages may go out"
        if minutes is not None and messages is None:
            yield f"{key}/{window}", "there is no limit of messages that it could be of"


def known_countries(where: str, countries: Sequence[str] | None) -> Iterator[Problem]:
    """Iterate over those of a list that are no countries."""
    for index, country in enumerate(countries or ()):
        if country not in COUNTRIES:
            yield f"{where}/{index}", f"{country} is no country that has numbers (ISO 3166-1 alpha-2)"
