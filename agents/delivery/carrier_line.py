"""The line to the carriers: one segment out, and what came of it back; or a question about one."""

from collections import Counter
from collections.abc import Awaitable
from datetime import UTC, datetime
from time import perf_counter
from typing import Protocol

import structlog

from pipeline.carriers.asking import ask
from pipeline.carriers.outcome import AttemptResult, ErrorClass, Outcome
from pipeline.carriers.profiles.book import BoundCarriers
from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.carriers.receipt_reference import receipt_url
from pipeline.errors import AddressNotAllowed, CarrierUnusable, InDoubt, Inexpressible, NotSent
from pipeline.http.client import HttpPoster
from pipeline.metrics import CARRIER_NEEDS_OPERATOR, CARRIER_POSTS, CARRIER_SECONDS, POST_SECONDS, POSTS
from pipeline.posting.peers.peer import News
from pipeline.posting.retry_after import retry_after_seconds
from schemas.directory.carrier import Carrier
from schemas.headers.trace import TraceContext
from schemas.messages.mt_message import MtMessage, Segment

log = structlog.get_logger(__name__)

_posts = {outcome: POSTS.labels("delivery", outcome.value) for outcome in Outcome}
_post_seconds = POST_SECONDS.labels("delivery")


class Leave(Protocol):
    """Leave to post to a carrier (`pipeline.posting.dispatcher.Turn`)."""

    @property
    def stands(self) -> bool:
        """Whether another POST may be made."""

    def pace(self, segments: int = 1) -> Awaitable[None] | None:
        """Return what to wait for before so many segments are posted at once; None when they may be now."""

    def learn(self, news: News, seconds: float, error: str = "", pause_seconds: float | None = None) -> None:
        """Say how a POST went."""


class CarrierLine:
    """Turns every way in which a POST can end into an outcome, and into what it says about the carrier.

    Carriers reach us at `receipt_base_url`, and know that an address there is ours by `receipt_key`.
    """

    def __init__(self, poster: HttpPoster, carriers: BoundCarriers, receipt_base_url: str, receipt_key: bytes) -> None:
        self._poster = poster
        self._carriers = carriers
        self._receipt_base_url = receipt_base_url
        self._receipt_key = receipt_key
        self._outcomes: Counter[Outcome] = Counter()
        self._calling: set[str] = set()
        """Carriers that an operator has to do something about, by id."""

    def bound(self, carrier: Carrier) -> BoundCarrier | None:
        """Return a carrier with its profile; None for one whose profile or settings do not work."""
        try:
            return self._carriers.of(carrier)
        except CarrierUnusable:
            return None

    async def post(
        self,
        leave: Leave,
        carrier: Carrier,
        message: MtMessage,
        segment: Segment,
        trace: TraceContext | None = None,
    ) -> AttemptResult:
        """Post one unit, once: a segment, or a whole text where the carrier takes those.

        A carrier whose profile says so is told the `trace` that it belongs to.
        """
        started = perf_counter()
        unreachable = False
        try:
            bound = self._carriers.of(carrier)
            request = bound.request(message, segment, self._receipt_url(carrier, message, segment))
            if trace is not None and bound.profile.form.trace_context:
                request = request.with_headers(trace.http_headers())
            answer = await ask(self._poster, request, tls=bound.tls, timeout_seconds=carrier.timeout_seconds)
        except NotSent as error:
            unreachable = True
            result = AttemptResult(Outcome.NOT_TAKEN, error=str(error))
        except InDoubt as error:
            result = AttemptResult(Outcome.IN_DOUBT, error=str(error))
        except CarrierUnusable as error:
            result = AttemptResult(Outcome.NOT_TAKEN, error=str(error), error_class=ErrorClass.OPERATOR)
        except (AddressNotAllowed, Inexpressible) as error:
            result = AttemptResult(Outcome.REFUSED, error=str(error))
        else:
            seconds = perf_counter() - started
            _post_seconds.observe(seconds)
            CARRIER_SECONDS.labels(carrier.id).observe(seconds)
            result = bound.read(answer)
        self._outcomes[result.outcome] += 1
        CARRIER_POSTS.add(carrier.id, result.outcome.value)
        if self._calling or result.error_class is ErrorClass.OPERATOR:
            self._call_operator(carrier, result)
        _tell(leave, result, perf_counter() - started, unreachable=unreachable)
        return result

    def _receipt_url(self, carrier: Carrier, message: MtMessage, segment: Segment) -> str | None:
        if not message.receipts:
            return None
        return receipt_url(self._receipt_base_url, carrier.name, message.segment_id(segment), self._receipt_key)

    async def query(self, leave: Leave, carrier: Carrier, message: MtMessage, segment: Segment) -> AttemptResult:
        """Ask the carrier whether it has taken a unit; an answer that does not tell leaves it in doubt."""
        started = perf_counter()
        try:
            bound = self._carriers.of(carrier)
            question = bound.question(message, segment)
            if question is None:
                return AttemptResult(Outcome.IN_DOUBT, error="query: the carrier's profile does not say how to ask")
            result = bound.read_question(
                await ask(self._poster, question, tls=bound.tls, timeout_seconds=carrier.timeout_seconds)
            )
        except (NotSent, InDoubt, AddressNotAllowed, CarrierUnusable, Inexpressible) as error:
            result = AttemptResult(Outcome.IN_DOUBT, error=f"query: {error}")
        # "I have not got it" is an answer, too, but the POST that follows will say how the carrier is.
        if result.outcome is not Outcome.NOT_TAKEN:
            _tell(leave, result, perf_counter() - started, unreachable=False)
        return result

    async def reach(self, carrier: Carrier) -> bool:
        """Tell whether a connection to the carrier can be made now; to one that cannot be used all ways are open."""
        bound = self.bound(carrier)
        if bound is None:
            return True
        for address in bound.addresses:
            if await self._poster.reach(address, tls=bound.tls):
                return True
        return False

    def _call_operator(self, carrier: Carrier, result: AttemptResult) -> None:
        if result.error_class is ErrorClass.OPERATOR:
            if carrier.id not in self._calling:
                log.warning("carrier_needs_operator", carrier=carrier.name, carrier_id=carrier.id, error=result.error)
            self._calling.add(carrier.id)
            CARRIER_NEEDS_OPERATOR.labels(carrier.id).set(1)
        elif result.outcome is Outcome.ACCEPTED and carrier.id in self._calling:
            log.info("carrier_takes_messages_again", carrier=carrier.name, carrier_id=carrier.id)
            self._calling.discard(carrier.id)
            CARRIER_NEEDS_OPERATOR.labels(carrier.id).set(0)

    def forget(self, carrier_id: str) -> None:
        """Forget a carrier that is gone."""
        if carrier_id in self._calling:
            self._calling.discard(carrier_id)
            CARRIER_NEEDS_OPERATOR.remove(carrier_id)

    def report(self) -> None:
        """Bring the metrics up to date: a POST leaves only a number behind, which is counted here with others."""
        outcomes, self._outcomes = self._outcomes, Counter()
        for outcome, count in outcomes.items():
            _posts[outcome].inc(count)


def _tell(leave: Leave, result: AttemptResult, seconds: float, *, unreachable: bool) -> None:
    about_the_message = result.outcome is Outcome.REFUSED or result.in_progress
    if result.outcome is Outcome.ACCEPTED or about_the_message:
        leave.learn(News.ANSWERED, seconds)
        return
    if result.error_class is ErrorClass.THROTTLED:
        news = News.THROTTLED
    elif result.error_class in (ErrorClass.NOT_SENT, ErrorClass.OPERATOR):
        news = News.UNAVAILABLE
    else:
        news = News.UNREACHABLE if unreachable else News.SILENT
    asked = retry_after_seconds(result.retry_after, datetime.now(UTC))
    leave.learn(news, seconds, result.error or result.outcome.value, asked)
