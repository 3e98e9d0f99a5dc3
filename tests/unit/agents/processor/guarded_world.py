"""A world whose first trunk is guarded, and what should be decided there, by a model that counts on its fingers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.directory.entry import DirectoryEntry
from schemas.messages.destination import Destination
from schemas.messages.mt_message import MtMessage
from schemas.messages.status import CodeId, MessageStatus
from schemas.messages.submission import Submission
from schemas.record import InRecord
from schemas.topics import SEGMENTED, STATUS
from tests.builders import account, carrier, did, route, submission, trunk, uuid
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
    """A world with limits by number; `limits` are trunk 11's, `of_account` those of its account."""

    limits: dict[str, int] = field(default_factory=dict)
    of_account: dict[str, int] = field(default_factory=dict)
    now_ms: int = NOON_MS

    def directory(self) -> list[DirectoryEntry]:
        limits: dict[str, Any] = dict(self.limits)
        return [account(**self.of_account), trunk(**limits), did(), carrier(), route()]

    def submit(self, text: int, *numbers: int) -> None:
        """Have a submission of trunk 11 in partition 0."""
        to = [Destination(address=NUMBERS[it]) for it in dict.fromkeys(numbers)]
        self.take_in(0, submission(*to, trunk_id=uuid(11), content=TEXTS[text]).to_bytes())

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
        """Return what should become of each message when nobody changes limits."""
        limits, gone = self.of_account | self.limits, list[Asked]()
        return {place: _decide(limits, gone, asked) for place, asked in _messages(self.submitted[0])}


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


def _decide(limits: dict[str, int], gone: list[Asked], asked: Asked) -> str:
    at_ms, number, text = asked

    def lately(minutes: int) -> list[Asked]:
        return [it for it in gone if it[0] > at_ms - minutes * MINUTE_MS]

    if "messages_per_number" in limits:
        most, minutes = limits["messages_per_number"], limits["number_window_minutes"]
        if sum(it[1] == number for it in lately(minutes)) >= most:
            return f"the trunk's limit of {most} messages to one number in {_words(minutes)} is reached"
    if "messages_per_range" in limits:
        most, minutes = limits["messages_per_range"], limits["range_window_minutes"]
        if sum(it[1][:-4] == number[:-4] for it in lately(minutes)) >= most:
            return f"the trunk's limit of {most} messages to the numbers {number[:-4]}… in {_words(minutes)} is reached"
    if "same_text_minutes" in limits:
        minutes = limits["same_text_minutes"]
        if any(it[1:] == (number, text) for it in lately(minutes)):
            return f"the trunk sent this text to the number less than {_words(minutes)} ago"
    gone.append(asked)
    return "sent"


def _words(minutes: int) -> str:
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
