"""What a trunk must keep to."""

from collections.abc import Iterator

from pipeline.directory.rules.after import After
from pipeline.directory.rules.attributes import account_exists, known_countries, limit_problems, named
from pipeline.directory.rules.callbacks import callback_problems
from pipeline.directory.rules.changes import Problem
from pipeline.directory.values import secret_problems, written_problem
from schemas.directory.account import Did
from schemas.directory.trunk import Trunk
from schemas.urls import url_problem


def trunk_problems(key: str, trunk: Trunk, after: After) -> Iterator[Problem]:
    """Iterate over what is wrong with a trunk."""
    before = after.before.trunk(trunk.id)
    if before is not None and before.account_id != trunk.account_id:
        yield f"{key}/account_id", "a trunk cannot move to another account"
    yield from secret_problems(key, before, trunk)
    if trunk.deleted_at is not None:
        return  # whatever else is wrong with it, it may always be deleted
    yield from account_exists(key, trunk.account_id, after)
    yield from named(f"{key}/name", trunk.name)
    yield from limit_problems(key, trunk)
    if trunk.callback_url is not None:
        if (problem := url_problem(trunk.callback_url)) is not None:
            yield f"{key}/callback_url", problem
    elif trunk.callback_disabled_at is not None:
        yield f"{key}/callback_disabled_at", "there is no callback URL that could be disabled"
    yield from known_countries(f"{key}/refused_countries", trunk.refused_countries)
    if trunk.callbacks is not None:
        yield from callback_problems(f"{key}/callbacks", trunk.callbacks, trunk.callback_url)
    for index, entry in enumerate(trunk.allowed_ips):
        if (problem := written_problem(entry)) is not None:
            yield f"{key}/allowed_ips/{index}", problem
    yield from _source_problems(key, trunk, after)


def _source_problems(key: str, trunk: Trunk, after: After) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, number in enumerate(trunk.allowed_sources):
        did = after.get(Did, number)
        if number in seen:
            yield f"{key}/allowed_sources/{index}", f"{number} is listed twice"
        elif did is None or did.account_id != trunk.account_id:
            yield f"{key}/allowed_sources/{index}", f"{number} is not a DID of the account"
        elif not did.p2p_enabled:
            yield f"{key}/allowed_sources/{index}", f"{number} is not enabled for Outbound P2P SMS"
        seen.add(number)
