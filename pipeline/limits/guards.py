"""Whether a message is one too many for its number, its range or its text, the same at every replay.

Against pumping: somebody has a site send codes to numbers that are paid for by the message, one number or one leased
range after the other. A window slides: of those that went out in the minutes up to a message, itself among them, there
are never more than the limit. What is stopped is not counted.
"""

from hashlib import blake2b
from typing import Final, NamedTuple

from pipeline.limits.beyond import Beyond
from pipeline.limits.counts import Position
from pipeline.limits.recent import RANGE, Keys
from pipeline.limits.screens import Screens, Stop
from schemas.address import is_short_code
from schemas.directory.account import Account
from schemas.directory.limits import WINDOWED
from schemas.directory.trunk import Trunk
from schemas.messages.status import CodeId
from schemas.state.screening import Guard

MINUTE_MS: Final = 60_000


def guards_of(trunk: Trunk, account: Account) -> tuple[Stop, ...]:
    """Return what stops messages of a trunk, in the order in which it is asked: its own limits, else its account's."""
    found = []
    for guard, (limit, window) in zip((Guard.NUMBER, Guard.RANGE), WINDOWED, strict=True):
        owner = trunk if getattr(trunk, limit) is not None else account
        messages, minutes = getattr(owner, limit), getattr(owner, window)
        if messages is not None and minutes is not None:
            found.append(Stop(guard, messages, minutes))
    minutes = account.same_text_minutes if trunk.same_text_minutes is None else trunk.same_text_minutes
    if minutes is not None:
        found.append(Stop(Guard.SAME_TEXT, 1, minutes))
    return tuple(found)


def screener_of(
    screens: Screens, partition: int, first: Position, trunk: Trunk, account: Account
) -> "Screener | None":  # fmt: skip
    """Return what screens a submission of a trunk whose first message is at `first`; None where nothing is guarded.

    Whose limits have been lifted is asked about what comes again: what was stopped before must not go out then.
    """
    guards = guards_of(trunk, account)
    if not guards:
        recent = screens.get(partition, trunk.id)
        if recent is None or not first.is_up_to(recent.to):
            return None
    return Screener(screens, partition, first, trunk.id, guards)


class _Asked(NamedTuple):
    """A message that is not stopped; `text` names its text where somebody wants to know."""

    position: Position
    number: str
    text: str | None


class Screener:
    """Asks for the messages of one submission; `screener_of` makes it."""

    def __init__(
        self, screens: Screens, partition: int, first: Position, trunk_id: str, guards: tuple[Stop, ...]
    ) -> None:
        self._screens = screens
        self._key = partition, trunk_id
        self._first = first
        self._guards = guards
        self._names = tuple(it.guard for it in guards)
        self._texts: dict[str, str] = {}
        self._asked: _Asked | None = None
        recent = screens.get(partition, trunk_id)
        if recent is not None and recent.windows.keys() != set(self._names):
            # What nobody asks about takes no memory; who asks again later begins anew.
            recent.windows = {guard: it for guard, it in recent.windows.items() if guard in self._names}

    def ask(self, index: int, number: str, content: str) -> Beyond | None:
        """Return why the submission's message `index` is stopped. Where it is not, `tell` what becomes of it."""
        self._asked = None
        position = self._first._replace(message=self._first.message + index)
        recent = self._screens.get(*self._key)
        if recent is not None and position.is_up_to(recent.to):
            stop = self._screens.decided(self._key[0], position)
            return None if stop is None else _beyond(stop, number)
        if not self._guards:
            return None
        text = self._named(content) if Guard.SAME_TEXT in self._names else None
        keys = Keys.of(number, text)
        for stop in self._guards:
            key = keys.under(stop.guard)
            if recent is None or key is None:
                continue
            if recent.window(stop.guard).count(key, position.at_ms, stop.minutes * MINUTE_MS) >= stop.messages:
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
            self._screens.let_out(self._key, position, number, text, self._names)
        else:
            self._screens.pass_over(self._key, position)

    def _named(self, content: str) -> str:
        name = self._texts.get(content)
        if name is None:
            name = self._texts[content] = blake2b(content.encode(errors="surrogatepass"), digest_size=8).hexdigest()
        return name


def _beyond(stop: Stop, number: str) -> Beyond:
    times = "1 minute" if stop.minutes == 1 else f"{stop.minutes} minutes"
    if stop.guard is Guard.SAME_TEXT:
        reason = f"the trunk sent this text to the number less than {times} ago"
    else:
        is_alone = stop.guard is Guard.NUMBER or is_short_code(number)
        to = "one number" if is_alone else f"the numbers {int(number) // RANGE}…"
        reason = f"the trunk's limit of {stop.messages} messages to {to} in {times} is reached"
    return Beyond(CodeId.DESTINATION_NOT_ALLOWED, reason)
