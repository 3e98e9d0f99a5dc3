"""Whether a message is one too many for its number, its range or its text, the same at every replay.

Against pumping: somebody has a site send codes to numbers that are paid for by the message, one number or one leased
range after the other. A window slides: of those that went out in the minutes up to a message, itself among them, there
are never more than the limit. What is stopped is not counted.
"""

from hashlib import blake2b
from typing import NamedTuple

from pipeline.limits.beyond import Beyond
from pipeline.limits.counts import Position
from pipeline.limits.guards import Guarded, Stop, guards_of
from pipeline.limits.recent import RANGE, Keys
from pipeline.limits.screens import Screens
from schemas.address import is_short_code
from schemas.directory.account import Account
from schemas.directory.trunk import Trunk
from schemas.messages.status import CodeId
from schemas.state.screening import Guard


def screener_of(
    screens: Screens, partition: int, first: Position, trunk: Trunk, account: Account
) -> "Screener | None":  # fmt: skip
    """Return what screens a submission of a trunk whose first message is at `first`; None where nothing is guarded.

    Whose limits have been lifted is asked about what comes again: what was stopped before must not go out then.
    """
    guarded = tuple([it for it in (guards_of(trunk), guards_of(account)) if it is not None])
    if not guarded:
        known = screens.screened_to(partition, trunk.id)
        if known is None or not first.is_up_to(known):
            return None
    return Screener(screens, partition, first, trunk.id, guarded)


class _Asked(NamedTuple):
    """A message that is not stopped; `text` names its text where somebody wants to know."""

    position: Position
    number: str
    text: str | None


class Screener:
    """Asks for the messages of one submission; `screener_of` makes it."""

    def __init__(
        self, screens: Screens, partition: int, first: Position, trunk_id: str, guarded: tuple[Guarded, ...]
    ) -> None:
        self._screens = screens
        self._key = partition, trunk_id
        self._first = first
        self._guarded = guarded
        self._compares_texts = any(Guard.SAME_TEXT in it.guards for it in guarded)
        self._texts: dict[str, str] = {}
        self._asked: _Asked | None = None
        for it in guarded:
            screens.recent(it.owner).narrow_to(it.guards)

    def ask(self, index: int, number: str, content: str) -> Beyond | None:
        """Return why the submission's message `index` is stopped. Where it is not, `tell` what becomes of it."""
        self._asked = None
        position = self._first._replace(message=self._first.message + index)
        known = self._screens.screened_to(*self._key)
        if known is not None and position.is_up_to(known):
            stop = self._screens.decided(self._key[0], position)
            return None if stop is None else _beyond(stop, number)
        if not self._guarded:
            return None
        text = self._named(content) if self._compares_texts else None
        keys = Keys.of(number, text)
        for it in self._guarded:
            recent = self._screens.recent(it.owner)
            for stop in it.stops:
                key = keys.under(stop.guard)
                if key is None:
                    continue
                gone = recent.window(stop.guard).count(key, position.at_ms, stop.span_ms)
                if gone >= stop.messages:
                    self._screens.stop(self._key, position, stop)
                    return _beyond(stop, number)
        self._asked = _Asked(position, number, text)
        return None

    def tell(self, *, goes_out: bool) -> None:
        """Say what becomes of the message that was asked about last."""
        if self._asked is None:
            return  # it came again
        position, number, text = self._asked
        if goes_out:
            self._screens.let_out(self._key, position, number, text, self._guarded)
        else:
            self._screens.pass_over(self._key, position)

    def _named(self, content: str) -> str:
        name = self._texts.get(content)
        if name is None:
            name = self._texts[content] = blake2b(content.encode(errors="surrogatepass"), digest_size=8).hexdigest()
        return name


def _beyond(stop: Stop, number: str) -> Beyond:
    times = "1 minute" if stop.minutes == 1 else f"{stop.minutes} minutes"
    whose = "account" if stop.of_account else "trunk"
    if stop.guard is Guard.SAME_TEXT:
        reason = f"the {whose} sent this text to the number less than {times} ago"
    else:
        is_alone = stop.guard is Guard.NUMBER or is_short_code(number)
        to = "one number" if is_alone else f"the numbers {int(number) // RANGE}…"
        reason = f"the {whose}'s limit of {stop.messages} messages to {to} in {times} is reached"
    return Beyond(CodeId.DESTINATION_NOT_ALLOWED, reason)
