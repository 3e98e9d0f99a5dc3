"""The line to the carriers: one segment out, and what came of it back; or a question about one."""

from collections import Counter
from datetime import UTC, datetime
from time import perf_counter
from typing import Final, Protocol

from pipeline.carriers.http_json import asked_about, query_url, request_of, result_of
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.errors import AddressNotAllowed, InDoubt, NotSent
from pipeline.http.client import HttpPoster
from pipeline.metrics import POST_SECONDS, POSTS
from pipeline.posting.peer import News
from pipeline.posting.retry_after import retry_after_seconds
from schemas.directory.carrier import Carrier, InDoubtPolicy
from schemas.mt_message import MtMessage, Segment

_posts = {outcome: POSTS.labels("delivery", outcome.value) for outcome in Outcome}
_post_seconds = POST_SECONDS.labels("delivery")

_CONFLICT: Final = 409  # a request with the same key is in progress
_TOO_MANY_REQUESTS: Final = 429  # RFC 6585 section 4
_UNAVAILABLE: Final = 503


class Leave(Protocol):
    """Leave to post to a carrier (`pipeline.posting.flows.Turn`)."""

    @property
    def stands(self) -> bool:
        """Whether another POST may be made."""

    def learn(self, news: News, seconds: float, error: str = "", pause_seconds: float | None = None) -> None:
        """Say how a POST went."""


class CarrierLine:
    """Turns every way in which a POST can end into an outcome, and into what it says about the carrier."""

    def __init__(self, poster: HttpPoster) -> None:
        self._poster = poster
        self._seconds: list[float] = []
        self._outcomes: Counter[Outcome] = Counter()

    async def post(self, leave: Leave, carrier: Carrier, message: MtMessage, segment: Segment) -> AttemptResult:
        """Post one segment, once."""
        headers, body = request_of(message, segment)
        started = perf_counter()
        unreachable = False
        try:
            answer = await self._poster.post(carrier.url, headers, body, timeout_seconds=carrier.timeout_seconds)
        except NotSent as error:
            unreachable = True
            result = AttemptResult(Outcome.NOT_TAKEN, error=str(error))
        except InDoubt as error:
            result = AttemptResult(Outcome.IN_DOUBT, error=str(error))
        except AddressNotAllowed as error:
            result = AttemptResult(Outcome.REFUSED, error=str(error))
        else:
            self._seconds.append(perf_counter() - started)
            honours_key = carrier.in_doubt_policy is InDoubtPolicy.RESEND_WITH_KEY
            result = result_of(answer, honours_key=honours_key)
        self._outcomes[result.outcome] += 1
        _tell(leave, result, perf_counter() - started, unreachable=unreachable)
        return result

    async def query(self, leave: Leave, carrier: Carrier, message: MtMessage, segment: Segment) -> AttemptResult:
        """Ask the carrier whether it has taken a segment; an answer that does not tell leaves it in doubt."""
        url = query_url(carrier.url, message.segment_id(segment))
        started = perf_counter()
        try:
            answer = await self._poster.get(url, {}, timeout_seconds=carrier.timeout_seconds)
        except (NotSent, InDoubt, AddressNotAllowed) as error:
            result = AttemptResult(Outcome.IN_DOUBT, error=f"query: {error}")
        else:
            result = asked_about(answer)
        # "I have not got it" is an answer, too, but the POST that follows will say how the carrier is.
        if result.outcome is not Outcome.NOT_TAKEN:
            _tell(leave, result, perf_counter() - started, unreachable=False)
        return result

    def report(self) -> None:
        """Bring the metrics up to date: a POST leaves only numbers behind, which are counted here with others."""
        seconds, self._seconds = self._seconds, []
        for value in seconds:
            _post_seconds.observe(value)
        outcomes, self._outcomes = self._outcomes, Counter()
        for outcome, count in outcomes.items():
            _posts[outcome].inc(count)


def _tell(leave: Leave, result: AttemptResult, seconds: float, *, unreachable: bool) -> None:
    about_the_message = result.outcome is Outcome.REFUSED or result.status == _CONFLICT
    if result.outcome is Outcome.ACCEPTED or about_the_message:
        leave.learn(News.ANSWERED, seconds)
        return
    if result.status == _TOO_MANY_REQUESTS:
        news = News.THROTTLED
    elif result.status == _UNAVAILABLE:
        news = News.UNAVAILABLE
    else:
        news = News.UNREACHABLE if unreachable else News.SILENT
    asked = retry_after_seconds(result.retry_after, datetime.now(UTC))
    leave.learn(news, seconds, result.error or result.outcome.value, asked)
