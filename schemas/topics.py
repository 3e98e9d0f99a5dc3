"""The catalogue: every topic, its key, what its values are, how long it keeps them, where its refusals go.

Names are past participles with dots. Partition counts and retry delays belong to the installation, so the catalogue
is made from them; `smsout topics apply` creates what is missing and reports what differs.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from schemas.directory.audit import AuditEvent
from schemas.directory.entry import DirectoryEntry
from schemas.messages.callback import CallbackAttempt, WaitingNotification
from schemas.messages.cancel_request import CancelRequest
from schemas.messages.dlr import ExpectedReceipt, SegmentReceipt, UnmatchedReceipt
from schemas.messages.mt_message import MtMessage, WaitingMessage
from schemas.messages.status import MessageStatus
from schemas.messages.submission import Submission
from schemas.opt_out import OptOut
from schemas.state.announced import Announcement
from schemas.state.day_count import DayCount
from schemas.state.deferred import Deferred
from schemas.state.journal import JournalEntry
from schemas.state.remembered import Remembered
from schemas.state.roll_up import Match, RollUp
from schemas.state.screening import Screening

DIRECTORY: Final = "sms.directory"
AUDIT: Final = "sms.audit.recorded"
OPTED_OUT: Final = "sms.opted-out"
REMEMBERED: Final = "sms.panel.remembered"
INGRESS_ANNOUNCED: Final = "sms.ingress.announced"
SUBMITTED: Final = "sms.mt.submitted"
COUNTED: Final = "sms.mt.counted"
SCREENED: Final = "sms.mt.screened"
SCHEDULED: Final = "sms.mt.scheduled"
CANCEL_REQUESTED: Final = "sms.cancel.requested"
DEFERRED: Final = "sms.mt.deferred"
SEGMENTED: Final = "sms.mt.segmented"
STATUS: Final = "sms.mt.status"
JOURNAL: Final = "sms.delivery.journal"
DLR_RECEIVED: Final = "sms.dlr.received"
DLR_GATHERED: Final = "sms.dlr.gathered"
DLR_EXPECTED: Final = "sms.dlr.expected"
DLR_UNMATCHED: Final = "sms.dlr.unmatched"
DLR_MATCHED: Final = "sms.dlr.matched"
MT_RETRY: Final = "sms.mt.retry"
CALLBACK_RETRY: Final = "sms.callback.retry"
MT_PARKED: Final = "sms.mt.parked"
CALLBACK_PARKED: Final = "sms.callback.parked"
CALLBACK_ATTEMPTED: Final = "sms.callback.attempted"

ROLLED_UP: Final = (STATUS, DLR_RECEIVED, DLR_EXPECTED, DLR_UNMATCHED)
"""What the receipts agent reads; all have the same partitions."""

TIMED: Final = (SCHEDULED, CANCEL_REQUESTED)
"""What the scheduler reads; both have the same partitions, and so has what it knows."""

SCHEDULED_DAYS: Final = 36
"""Longer than a message may wait: the message log can be made anew with all that is scheduled."""

_CARRIERS_ID: Final = "<carrier id>:<the carrier's own message id>"

DEAD_LETTER_SUFFIX: Final = ".dead-letter"

MAX_RECORD_BYTES: Final = 1_048_576  # what Kafka's producers send by default: direct ones need no special setting
MAX_BATCH_BYTES: Final = MAX_RECORD_BYTES + 12  # Kafka's own default of max.message.bytes
MAX_DIRECTORY_ENTRY_BYTES: Final = 4_194_304  # a trunk with 100,000 sources has 2 MB
DEAD_LETTER_ROOM_BYTES: Final = 65_536  # a dead letter is the largest record plus headers that say why
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
ANY_TIME_MS: Final = (1 << 63) - 1

MT_RETRY_DELAYS_SECONDS: Final = (5, 30, 120, 600, 3600)
CALLBACK_DELAYS_SECONDS: Final = (
    5, 30, 120, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
)  # together 75.6 hours, as Standard Webhooks suggests  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `key` says in words what the key is; `value` is the model of its values (None: any bytes)."""

    name: str
    key: str
    value: object
    partitions: int
    retention_ms: int
    description: str
    dead_letter: str | None = None
    cleanup: Literal["delete", "compact", "compact,delete"] = "delete"
    public: bool = False
    extra_configs: dict[str, str] = field(default_factory=dict)

    def configs(self) -> dict[str, str]:
        """Return the topic configs that `smsout topics apply` sets and checks (Kafka's own names and units)."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(max_batch_bytes(self.name)),
            "message.timestamp.type": "CreateTime",
            # Kafka's own limit is an hour: a gateway whose clock is ahead by more would have every write refused.
            "message.timestamp.after.max.ms": str(ANY_TIME_MS),
            **self.extra_configs,
        }


def max_batch_bytes(topic: str) -> int:
    """Return how large a batch `topic` takes: whatever a topic takes also fits where it is parked or refused."""
    if topic == DIRECTORY:
        return MAX_DIRECTORY_ENTRY_BYTES
    room = 0
    if topic.endswith(DEAD_LETTER_SUFFIX):
        topic, room = topic.removesuffix(DEAD_LETTER_SUFFIX), DEAD_LETTER_ROOM_BYTES
    if topic in (MT_PARKED, CALLBACK_PARKED):
        room += DEAD_LETTER_ROOM_BYTES
    return MAX_BATCH_BYTES + room


def dead_letter_topic(topic: str) -> str:
    """Return where refused records of `topic` go; the tiers of one retry family share one."""
    for family in (MT_RETRY, CALLBACK_RETRY):
        if topic.startswith(family + "."):
            return family + DEAD_LETTER_SUFFIX
    return topic + DEAD_LETTER_SUFFIX


def delay_label(seconds: int) -> str:
    """Return `5s`, `2m` or `10h`: the last part of a tier's name."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def tier_topic(family: str, seconds: int) -> str:
    """Return the name of a family's tier with this delay."""
    return f"{family}.{delay_label(seconds)}"


def catalogue(
    partitions: int,
    callback_delays_seconds: tuple[int, ...] = CALLBACK_DELAYS_SECONDS,
    mt_retry_delays_seconds: tuple[int, ...] = MT_RETRY_DELAYS_SECONDS,
) -> tuple[Topic, ...]:
    """Return every topic of an installation whose main topics have `partitions` partitions."""

    def main(
        name: str,
        key: str,
        value: object,
        description: str,
        *,
        public: bool = False,
        days: int = 7,
        extra_configs: dict[str, str] | None = None,
    ) -> Topic:
        return Topic(
            name, key, value, partitions, days * DAY_MS, description, dead_letter_topic(name),
            public=public, extra_configs=extra_configs or {},
        )  # fmt: skip

    def tiers(family: str, key: str, value: object, delays: tuple[int, ...], waiting: str) -> list[Topic]:
        return [
            Topic(
                tier_topic(family, seconds), key, value, partitions, 7 * DAY_MS + seconds * 1000,
                f"{waiting} {delay_label(seconds)}", dead_letter_topic(tier_topic(family, seconds)),
            )
            for seconds in dict.fromkeys(delays)  # a delay that is listed twice is one tier
        ]  # fmt: skip

    def kept(
        name: str, key: str, value: object, description: str, *, dead_letter: str | None = None, **changes: str
    ) -> Topic:
        # Small segments, soon closed and cleaned: a restart reads what waits, and not what has long gone.
        configs = {
            "min.cleanable.dirty.ratio": "0.2", "segment.bytes": "67108864", "segment.ms": "600000",
            "delete.retention.ms": "300000", **changes,
        }  # fmt: skip
        return Topic(
            name, key, value, partitions, -1, description, dead_letter, cleanup="compact", extra_configs=configs
        )

    def parked(name: str, value: object, description: str) -> Topic:
        key = "<topic>:<partition>:<offset> that it was read from"
        return kept(name, key, value, description, dead_letter=dead_letter_topic(name))

    topics = [
        Topic(
            DIRECTORY, "<kind>:<id>", DirectoryEntry, 1, -1, "Configuration; every agent holds it in memory",
            cleanup="compact", extra_configs={"min.cleanable.dirty.ratio": "0.1"},
        ),
        Topic(
            AUDIT, "account id", AuditEvent, 1, 365 * DAY_MS, "Who changed, revealed or tried what, in order",
        ),
        Topic(
            OPTED_OUT, "<account id>:<number>", OptOut, 1, -1,
            "Who wants no messages of an account; those who decide hold it in memory", cleanup="compact",
        ),
        Topic(
            REMEMBERED, "session:<digest>, user:<id> or apikey:<id>", Remembered, 1, -1,
            "Who is logged in to the panel, and when users and API keys were last used", cleanup="compact",
        ),
        Topic(
            INGRESS_ANNOUNCED, "the slot's identity", Announcement, 1, HOUR_MS,
            "Which processes of ingress there are: they share limits of requests per second",
            cleanup="compact,delete",
            extra_configs={"message.timestamp.type": "LogAppendTime", "segment.ms": "600000"},
        ),
        main(
            SUBMITTED, "trunk id", Submission,
            "Accepted submissions, one or an array of up to 1000; open to direct producers", public=True,
            # The record's time can become accepted_at, so it is the broker's: a producer's may be any 64 bits.
            extra_configs={"message.timestamp.type": "LogAppendTime"},
        ),
        Topic(
            COUNTED, "trunk id", DayCount, partitions, 7 * DAY_MS,
            "How much of their day trunks have used up, of those with a limit; co-partitioned with sms.mt.submitted",
            cleanup="compact,delete",
            extra_configs={
                "min.cleanable.dirty.ratio": "0.2", "segment.bytes": "67108864", "segment.ms": "600000",
            },
        ),
        Topic(
            SCREENED, "trunk id", Screening, partitions, 7 * DAY_MS,
            "What went out to which numbers, of trunks with a limit by number; co-partitioned with sms.mt.submitted",
            # It is looked for by the time of submissions, which is the broker's, too.
            extra_configs={"message.timestamp.type": "LogAppendTime"},
        ),
        main(
            SCHEDULED, "trunk id", Submission,
            "Messages whose time is yet to come, authorized; one destination each", days=SCHEDULED_DAYS,
        ),
        main(
            CANCEL_REQUESTED, "trunk id", CancelRequest,
            "Wishes that a message, or all of a bulk, be not sent; open to direct producers", public=True,
        ),
        kept(
            DEFERRED, "message:<trunk id>:<message id>, or cancel:… and cancel-bulk:…", Deferred,
            "What the scheduler knows, co-partitioned with sms.mt.scheduled and sms.cancel.requested",
            **{"delete.retention.ms": str(DAY_MS)},  # its files on disk go on from where they were
        ),
        main(SEGMENTED, "destination", MtMessage, "Messages authorized, encoded, segmented and routed"),
        *tiers(
            MT_RETRY, "destination", WaitingMessage, mt_retry_delays_seconds,
            "Messages that the carrier did not take, waiting",
        ),
        parked(MT_PARKED, None, "Messages that wait for a carrier that is away, or behind others of their sender"),
        main(STATUS, "message id", MessageStatus, "Every outcome of every message, in order", public=True, days=30),
        main(JOURNAL, "segment id", JournalEntry, "Delivery's marks, co-partitioned with sms.mt.segmented"),
        main(DLR_RECEIVED, "message id", SegmentReceipt, "Carriers' delivery receipts, one segment each"),
        kept(
            DLR_GATHERED, "message id", RollUp,
            "What the receipts agent knows of messages, co-partitioned with sms.mt.status and sms.dlr.received",
        ),
        main(
            DLR_EXPECTED, _CARRIERS_ID, ExpectedReceipt,
            "Segments at carriers that can be given no address for their receipts",
        ),
        main(
            DLR_UNMATCHED, _CARRIERS_ID, UnmatchedReceipt,
            "Receipts of such carriers, which name nothing but the carrier's own id",
        ),
        kept(
            DLR_MATCHED, _CARRIERS_ID, Match,
            "What the receipts agent knows of such ids, co-partitioned with sms.dlr.expected and sms.dlr.unmatched",
        ),
        *tiers(
            CALLBACK_RETRY, "trunk id", WaitingNotification, callback_delays_seconds,
            "Notifications whose last attempt failed, waiting",
        ),
        parked(CALLBACK_PARKED, None, "Notifications that wait for an endpoint that is away"),
        main(CALLBACK_ATTEMPTED, "message id", CallbackAttempt, "Every attempt to notify, as it went"),
    ]  # fmt: skip
    refused = dict.fromkeys(topic.dead_letter for topic in topics if topic.dead_letter)
    topics += [
        Topic(
            name,
            "as in the source",
            None,
            1,
            # Never shorter than what it is refused from.
            max(30 * DAY_MS, *(topic.retention_ms for topic in topics if topic.dead_letter == name)),
            "Original bytes of what was refused, headers say why",
        )
        for name in refused
    ]
    return tuple(topics)
