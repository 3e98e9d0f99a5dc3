"""Which of a trunk's endpoints is told."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.callbacks.endpoint import (
    MESSAGE_PEERS,
    Endpoint,
    endpoint_of,
    peers_of,
    shows_identity,
    trunk_id_of,
    url_of,
)
from schemas.directory.callback_options import CallbackOptions
from schemas.directory.trunk import Trunk
from schemas.messages.callback import CallbackVia
from schemas.messages.status import StatusStage
from tests.builders import LATER, status, trunk, uuid

OWN: Final = uuid(11)
FAILOVER: Final = f"{OWN}/failover"
URL: Final = "https://example.com/callback"
BACKUP: Final = "https://backup.example.com/callback"


def with_failover(**options: Any) -> Trunk:
    return trunk(11, callbacks=CallbackOptions(failover_url=BACKUP, **options))


@pytest.mark.parametrize(
    ("told", "attempt", "peer", "takers"),
    [
        (None, 9, OWN, ()),
        (trunk(), 9, OWN, ()),
        (trunk(callbacks=CallbackOptions(headers={"X": "x"})), 9, OWN, ()),
        (with_failover(), 3, OWN, (OWN, FAILOVER)),
        (with_failover(), 4, FAILOVER, (OWN, FAILOVER)),
        (with_failover(failover_after=1), 1, OWN, (OWN, FAILOVER)),
        (with_failover(failover_after=1), 2, FAILOVER, (OWN, FAILOVER)),
    ],
)
def test_the_failovers_turn_comes_after_failed_attempts(
    told: Trunk | None, attempt: int, peer: str, takers: tuple[str, ...]
) -> None:
    """As many as the trunk says; where there is one, each of the two may take what the other does not."""
    assert peers_of(told, status(), attempt) == (peer, takers)


@pytest.mark.parametrize(
    ("told", "peer", "endpoint"),
    [
        (trunk(), None, Endpoint(URL)),
        (trunk(), OWN, Endpoint(URL)),
        (trunk(deleted_at=LATER, blocked=True), OWN, Endpoint(URL)),
        (trunk(callback_url=None), OWN, None),
        (with_failover(), OWN, Endpoint(URL)),
        (with_failover(), FAILOVER, Endpoint(BACKUP, CallbackVia.FAILOVER)),
        (trunk(), FAILOVER, Endpoint(URL)),
    ],
)
def test_a_peer_is_where_the_trunk_says_now(told: Trunk, peer: str | None, endpoint: Endpoint | None) -> None:
    """What waited for a failover that is there no more goes to the trunk's own endpoint."""
    assert endpoint_of(told, status(), peer) == endpoint


def test_receipts_go_to_trunks_that_want_them() -> None:
    """Whichever endpoint it would be."""
    receipt = status(stage=StatusStage.DELIVERY, status="DELIVERED")
    assert endpoint_of(with_failover(), receipt, FAILOVER) is None
    wanting = with_failover().model_copy(update={"receipts_enabled": True})
    assert endpoint_of(wanting, receipt, FAILOVER) == Endpoint(BACKUP, CallbackVia.FAILOVER)


@given(st.lists(st.from_regex(r"\Ahttps://[a-z0-9]{1,30}[.]example/[a-z]{0,9}\Z"), max_size=60))
def test_urls_of_messages_are_few_peers(urls: list[str]) -> None:
    """However many somebody brings; one origin is always the same peer, and none is another endpoint of the trunk."""
    told = {url: peers_of(with_failover(), status(callback_url=url), 9) for url in urls}
    assert len({peer for peer, _ in told.values()}) <= MESSAGE_PEERS
    for url, (peer, takers) in told.items():
        assert (trunk_id_of(peer), takers, url_of(with_failover(), peer)) == (OWN, (), None)
        assert peer not in (OWN, FAILOVER)
        assert peers_of(None, status(callback_url=f"{url}more"), 1)[0] == peer
        assert endpoint_of(with_failover(), status(callback_url=url), peer) == Endpoint(url, CallbackVia.MESSAGE)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/other?x=1", True),
        ("https://EXAMPLE.com:443/", True),
        ("https://backup.example.com/x", True),
        ("http://example.com/callback", False),
        ("https://example.com:8443/callback", False),
        ("https://example.com.evil.example/callback", False),
        ("https://other.example/callback", False),
    ],
)
def test_only_the_trunks_own_origins_see_its_credentials(url: str, shown: bool) -> None:
    """Who may send messages has no business with what is sealed."""
    assert shows_identity(with_failover(), Endpoint(url, CallbackVia.MESSAGE)) is shown
    assert shows_identity(with_failover(), Endpoint(url))
    assert not shows_identity(trunk(callback_url=None), Endpoint(url, CallbackVia.MESSAGE))


def test_whose_a_peer_is_and_where_it_is() -> None:
    """By its name."""
    assert trunk_id_of(OWN) == trunk_id_of(FAILOVER) == OWN
    assert (url_of(with_failover(), OWN), url_of(with_failover(), FAILOVER)) == (URL, BACKUP)
    assert url_of(trunk(), FAILOVER) is None
