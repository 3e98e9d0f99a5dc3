"""The carriers of the directory as peers: how much each one takes, and how it is."""

from collections.abc import Callable
from datetime import UTC, datetime

from agents.delivery.carrier_line import CarrierLine
from agents.delivery.line_up import Reading
from agents.delivery.rates import Rates
from pipeline.carriers.profile_form.limits import LimitsForm
from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.directory.model import Directory
from pipeline.metrics import (
    CARRIER_BREAKER,
    CARRIER_BREAKER_OPENED,
    CARRIER_IN_FLIGHT,
    CARRIER_PACE,
    CARRIER_POSTS,
    CARRIER_RATE,
    CARRIER_SECONDS,
    POSTS_IN_FLIGHT,
    TURNS_WAITING,
)
from pipeline.posting.dispatcher import Dispatcher
from pipeline.posting.intake import Entry
from pipeline.posting.peers.breaker import BreakerState
from pipeline.posting.peers.known_peers import Peers
from pipeline.posting.peers.peer import Peer
from schemas.directory.carrier import Carrier, InDoubtPolicy

_STATES = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
UNKNOWN_AT_ONCE = 16  # messages to a carrier that is gone end without a POST

_in_flight = POSTS_IN_FLIGHT.labels("delivery")
_waiting = TURNS_WAITING.labels("delivery")


FindProfile = Callable[[Carrier], BoundCarrier | None]
"""Returns a carrier with its profile; None for one whose profile does not work."""


def carrier_peer(
    directory: Directory, profile_of: FindProfile, rates: Rates, clock: Callable[[], float], carrier_id: str
) -> Peer:
    """Make the peer of a carrier; one that the directory does not have gets one too."""
    carrier = directory.carrier(carrier_id)
    if carrier is None:
        return Peer(carrier_id, clock, most=UNKNOWN_AT_ONCE)
    bound = profile_of(carrier)
    peer = Peer(carrier_id, clock, most=_most(carrier, bound))
    peer.blocked = _is_blocked(carrier, bound)
    peer.breaker.cautious = carrier.in_doubt_policy is InDoubtPolicy.GIVE_UP
    peer.rate = rates.of_carrier(carrier, _limits(bound))
    return peer


def _limits(bound: BoundCarrier | None) -> LimitsForm:
    return LimitsForm() if bound is None else bound.profile.form.limits


def _most(carrier: Carrier, bound: BoundCarrier | None) -> int:
    concurrency = _limits(bound).concurrency
    return carrier.max_in_flight if concurrency is None else min(carrier.max_in_flight, concurrency)


def _is_blocked(carrier: Carrier, bound: BoundCarrier | None) -> bool:
    """By an operator, or because it is not the hour at which the carrier takes messages."""
    return carrier.blocked or (bound is not None and not bound.is_open(datetime.now(UTC)))


class Carriers:
    """Lets peers follow the directory, and the metrics follow the peers."""

    def __init__(
        self,
        directory: Directory,
        line: CarrierLine,
        peers: Peers,
        dispatcher: Dispatcher[Entry[Reading]],
        rates: Rates,
    ) -> None:
        self._rates = rates
        self._directory = directory
        self._line = line
        self._peers = peers
        self._dispatcher = dispatcher
        self._shown: set[str] = set()
        self._opened: dict[str, int] = {}

    def update(self) -> None:
        """Take over what the directory says now, and show how things are; to be called every second."""
        if self._rates.follow():
            for flow in self._dispatcher.queue:
                flow.rate = self._rates.of_trunk(flow.name)
        there: set[str] = set()
        for peer in self._peers:
            carrier = self._directory.carrier(peer.name)
            if carrier is None:
                peer.blocked, peer.rate = False, None
                continue
            there.add(peer.name)
            bound = self._line.bound(carrier)
            peer.blocked = _is_blocked(carrier, bound)
            peer.breaker.cautious = carrier.in_doubt_policy is InDoubtPolicy.GIVE_UP
            peer.allow(_most(carrier, bound))
            peer.rate = self._rates.of_carrier(carrier, _limits(bound))
            self._dispatcher.queue.resume(peer)
            CARRIER_BREAKER.labels(peer.name).set(_STATES[peer.breaker.state])
            CARRIER_PACE.labels(peer.name).set(peer.limit)
            CARRIER_RATE.labels(peer.name).set(float("inf") if peer.rate is None else peer.rate.per_second)
            opened, counted = peer.breaker.times_opened, self._opened.get(peer.name, 0)
            # A peer that was forgotten meanwhile counts from 0 again.
            CARRIER_BREAKER_OPENED.labels(peer.name).inc(opened - counted if opened >= counted else opened)
            self._opened[peer.name] = opened
            CARRIER_IN_FLIGHT.labels(peer.name).set(peer.in_flight)
        for gone in self._shown - there:
            for gauge in (CARRIER_BREAKER, CARRIER_PACE, CARRIER_RATE, CARRIER_BREAKER_OPENED, CARRIER_IN_FLIGHT):
                gauge.remove(gone)
            self._opened.pop(gone, None)
            self._line.forget(gone)
            if self._directory.carrier(gone) is None:
                CARRIER_POSTS.remove(gone)
                CARRIER_SECONDS.remove(gone)
        self._shown = there
        _in_flight.set(sum(peer.in_flight for peer in self._peers))
        _waiting.set(self._dispatcher.waiting)
        self._peers.sweep()
