"""What carriers and their profiles must keep to."""

from collections.abc import Iterator

from pipeline.carriers.profiles.book import ProfileBook
from pipeline.carriers.profiles.settings import settings_problems
from pipeline.carriers.profiles.shipped import shipped_names
from pipeline.directory.rules.changes import Problem
from pipeline.directory.sealing import looks_sealed
from pipeline.errors import RuleViolated
from schemas.directory.carrier import Carrier, InDoubtPolicy, Profile


def profile_problems(key: str, profile: Profile, book: ProfileBook) -> Iterator[Problem]:
    """Iterate over what is wrong with a profile of one's own; the reasons name its lines."""
    if profile.id in shipped_names():
        yield f"{key}/id", "is the name of a profile that comes with the product"
    try:
        book.profile(profile.id)
    except RuleViolated as error:
        for where, what in error.problems:
            yield f"{key}/text", f"{where}: {what}"


def carrier_problems(key: str, carrier: Carrier, book: ProfileBook) -> Iterator[Problem]:
    """Iterate over what is wrong with a carrier's profile, and with its settings for that profile."""
    try:
        profile = book.profile(carrier.profile)
    except RuleViolated:
        # What is wrong with a profile of one's own is its own problem.
        if book.own(carrier.profile) is None:
            yield f"{key}/profile", f"there is no profile {carrier.profile!r}"
        return
    names = [secret.name for secret in carrier.secrets or ()]
    for where, what in settings_problems(profile.form, carrier.url, carrier.parameters or {}, names):
        yield f"{key}/{where}", what
    for at, secret in enumerate(carrier.secrets or ()):
        if names.index(secret.name) != at:
            yield f"{key}/secrets/{secret.name}", "is there twice"
        if not looks_sealed(secret):
            yield f"{key}/secrets/{secret.name}", "is not sealed"
    if carrier.in_doubt_policy is InDoubtPolicy.QUERY and profile.form.query is None:
        yield f"{key}/in_doubt_policy", "its profile does not say how the carrier is asked"
    if carrier.in_doubt_policy is InDoubtPolicy.RESEND_WITH_KEY and profile.form.idempotency is None:
        yield f"{key}/in_doubt_policy", "its profile has no key by which the carrier knows what it has had"
