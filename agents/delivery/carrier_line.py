"""The line to the carriers: one segment out, and what came of it back; or a question about one."""

from collections import Counter
from time import perf_counter

from pipeline.carriers.http_json import asked_about, request_of, result_of
from pipeline.carriers.outcome import AttemptResult, Outcome
from pipeline.errors import AddressNotAllowed, InDoubt, NotSent
from pipeline.http.client import HttpPoster
from pipeline.metrics import POST_SECONDS, POSTS
from schemas.directory.carrier import Carrier
from schemas.mt_message import MtMessage, Segment

_posts = {outcome: POSTS.labels("delivery", outcome.value) for outcome in Outcome}
_post_seconds = POST_SECONDS.labels("delivery")


class CarrierLine:
    """Turns every way in which a POST can end into an outcome."""

    def __init__(self, poster: HttpPoster) -> None:
        self._poster = poster
        self._seconds: list[float] = []
        self._outcomes: Counter[Outcome] = Counter()

    async def post(self, carrier: Carrier, message: MtMessage, segment: Segment) -> AttemptResult:
        """Post one segment, once."""
        headers, body = request_of(message, segment)
        started = perf_counter()
        try:
            answer = await self._poster.post(carrier.url, headers, body, timeout_seconds=carrier.timeout_seconds)
        except NotSent as error:
            result = AttemptResult(Outcome.NOT_TAKEN, error=str(error))
        except InDoubt as error:
            result = AttemptResult(Outcome.IN_DOUBT, error=str(error))
        except AddressNotAllowed as error:
            result = AttemptResult(Outcome.REFUSED, error=str(error))
        else:
            self._seconds.append(perf_counter() - started)
            result = result_of(answer)
        self._outcomes[result.outcome] += 1
        return result

    def report(self) -> None:
        """Bring the metrics up to date: a POST leaves only numbers behind, which are counted here with others."""
        seconds, self._seconds = self._seconds, []
        for value in seconds:
            _post_seconds.observe(value)
        outcomes, self._outcomes = self._outcomes, Counter()
        for outcome, count in outcomes.items():
            _posts[outcome].inc(count)

    async def query(self, carrier: Carrier, message: MtMessage, segment: Segment) -> AttemptResult:
        """Ask the carrier whether it has taken a segment; an answer that does not tell leaves it in doubt."""
        url = f"{carrier.url.rstrip('/')}/{message.segment_id(segment)}"
        try:
            answer = await self._poster.get(url, {}, timeout_seconds=carrier.timeout_seconds)
        except (NotSent, InDoubt, AddressNotAllowed) as error:
            return AttemptResult(Outcome.IN_DOUBT, error=f"query: {error}")
        return asked_about(answer)
