"""A world whose first trunk is guarded, and what should be decided there, by a model that counts on its fingers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.directory.entry import DirectoryEntry
from schemas.messages.destination import Destination
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import CodeId, MessageStatus
from schemas.messages.submission import Submission
from schemas.record import InRecord
from schemas.topics import SEGMENTED, STATUS
from tests.builders import account, carrier, credential, did, route, submission, trunk, uuid
from tests.unit.agents.processor.lives import World

MINUTE_MS = 60_000
NOON_MS = 1_767_225_600_000
NUMBERS = ("15551230001", "15551230002", "15551239999", "15551240001", "4915112345678")
"""Three of one range, one of the next, one abroad."""
TEXTS = ("Your code is 4711", "Your code is 1174")

Place = tuple[int, int, int]
Asked = tuple[int, str, str]
"""When, to which number, and what."""


@dataclass
class Guarded(World):
    """A world with limits by number; `limits` are trunk 11's, `of_account` those of its account and trunk 12's."""

    limits: dict[str, int] = field(default_factory=dict)
    of_account: dict[str, int] = field(default_factory=dict)
    now_ms: int = NOON_MS

    def directory(self) -> list[DirectoryEntry]:
        limits: dict[str, Any] = dict(self.limits)
        trunks = [trunk(**limits), trunk(12, name="Other", credentials=(credential("other-trunk"),))]
        return [account(**self.of_account), *trunks, did(), carrier(), route()]

    def submit(self, text: int, *numbers: int, place: int = 0) -> None:
        """Have a submission of trunk 11 in partition 0, or of trunk 12 in partition 1."""
        to = [Destination(address=NUMBERS[it]) for it in dict.fromkeys(numbers)]
        self.take_in(place, submission(*to, trunk_id=uuid(11 + place), content=TEXTS[text]).to_bytes())

    def outcomes(self) -> dict[Place, str]:
        """Return what became of each message, of which there is one thing only: `sent`, or why it was refused."""
        found = {}
        for place, outcomes in self.decided().items():
            ((topic, value),) = outcomes
            found[place] = "sent" if topic == SEGMENTED else _reason(value)
        return found

    def sent(self, number: int) -> int:
        """Return how many messages to a number went out."""
        messages = {value for outcomes in self.decided().values() for topic, value in outcomes if topic == SEGMENTED}
        return sum(MtMessage.from_bytes(it).destination == NUMBERS[number] for it in messages)

    def statuses(self) -> list[MessageStatus]:
        """Return the refusals."""
        return [MessageStatus.from_bytes(it.value or b"") for it in self.written if it.topic == STATUS]

    def expected(self) -> dict[Place, str]:
        """Return what should become of each message of trunk 11 when nobody changes limits, and no other sends."""
        gone = list[Asked]()
        return {place: self._decide(gone, asked) for place, asked in self.asked() if place[0] == 0}

    def asked(self) -> list[tuple[Place, Asked]]:
        """Return all messages that were submitted."""
        return [it for records in self.submitted for it in _messages(records)]

    def _decide(self, gone: list[Asked], asked: Asked) -> str:
        for whose, limits in (("trunk", self.limits), ("account", self.of_account)):
            for most, minutes, is_alike, words in _limits(limits, asked):
                lately = [it for it in gone if it[0] > asked[0] - minutes * MINUTE_MS]
                if sum(map(is_alike, lately)) >= most:
                    return f"the {whose}{words}"
        gone.append(asked)
        return "sent"

    def is_beyond(self, asked: Asked, sent: list[Asked]) -> bool:
        """Tell whether one of the account's limits has no room for a message beside what was sent around it."""
        return any(
            sum(is_alike(it) and abs(it[0] - asked[0]) < minutes * MINUTE_MS for it in sent) >= most
            for most, minutes, is_alike, _ in _limits(self.of_account, asked)
        )

    def holds(self, sent: list[Asked]) -> bool:
        """Tell whether no window of the account's limits has more than may be in it."""
        return all(
            sum(is_alike(it) and last[0] - minutes * MINUTE_MS < it[0] <= last[0] for it in sent) <= most
            for last in sent
            for most, minutes, is_alike, _ in _limits(self.of_account, last)
        )


def _reason(value: bytes) -> str:
    status = MessageStatus.from_bytes(value)
    assert status.code_id is CodeId.DESTINATION_NOT_ALLOWED
    return status.reason or ""


def _messages(records: list[InRecord]) -> Iterator[tuple[Place, Asked]]:
    for record in records:
        asked = Submission.from_bytes(record.value or b"")
        for number, to in enumerate(asked.destinations):
            place = record.partition, record.offset, number
            yield place, (record.timestamp_ms, to.address, asked.content or "")


def _limits(limits: dict[str, int], asked: Asked) -> Iterator[tuple[int, int, Callable[[Asked], bool], str]]:
    """Yield how many, in which minutes, of which messages, and the words for one beyond."""
    _, number, text = asked
    if "messages_per_number" in limits:
        most, minutes = limits["messages_per_number"], limits["number_window_minutes"]
        words = f"'s limit of {most} messages to one number in {_words(minutes)} is reached"
        yield most, minutes, lambda it: it[1] == number, words
    if "messages_per_range" in limits:
        most, minutes = limits["messages_per_range"], limits["range_window_minutes"]
        words = f"'s limit of {most} messages to the numbers {number[:-4]}… in {_words(minutes)} is reached"
        yield most, minutes, lambda it: it[1][:-4] == number[:-4], words
    if "same_text_minutes" in limits:
        minutes = limits["same_text_minutes"]
        words = f" sent this text to the number less than {_words(minutes)} ago"
        yield 1, minutes, lambda it: it[1:] == (number, text), words


def _words(minutes: int) -> str:
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
