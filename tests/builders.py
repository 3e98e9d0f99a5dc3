"""Valid records to start from: a test names what matters to it, and the rest is there.

One function a record. A keyword replaces an attribute; a name that the record does not have is an error, because the
models would pass over it. Ids fit together: trunk 11, sender 16, user 41 and API key 51 belong to account 1, as does
the DID `SOURCE`; route 31 leads to carrier 21; submissions and messages are trunk 11's.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, TypeVar

from pipeline.directory.credentials import PasswordSealer, new_password_verifier
from pipeline.directory.key_file import SealingKey
from pipeline.directory.model import Directory
from schemas.directory.account import Account, Did
from schemas.directory.campaign import Campaign
from schemas.directory.carrier import Carrier, Profile
from schemas.directory.entry import KINDS, DirectoryEntry, key_of
from schemas.directory.people import ApiKey, PanelRole, PanelUser
from schemas.directory.route import Route
from schemas.directory.sender import Sender
from schemas.directory.trunk import CallbackSecret, PasswordVerifier, Trunk
from schemas.messages.callback import AttemptOutcome, CallbackAttempt, WaitingNotification
from schemas.messages.destination import Destination
from schemas.messages.dlr import MessageState, SegmentReceipt
from schemas.messages.mt_message import DataCoding, MtMessage, Segment, WaitingMessage
from schemas.messages.status import MessageStatus, StatusName, StatusStage
from schemas.messages.submission import Submission
from schemas.record import InRecord, WireModel
from schemas.state.journal import JournalEntry, JournalMark
from schemas.topics import SEGMENTED

CREATED: Final = datetime(2026, 1, 1, tzinfo=UTC)
LATER: Final = datetime(2026, 2, 1, tzinfo=UTC)
SOURCE: Final = "12125551234"
DESTINATION: Final = "15551234567"
SECRET: Final = "whsec_" + "c2VjcmV0" * 4
OTHER_SECRET: Final = "whsec_" + "b3RoZXIh" * 4
PEPPER: Final = b"pepper of at least 32 characters"
RECEIPT_KEY: Final = b"receipt key of at least 32 characters"
SEALER: Final = PasswordSealer([SealingKey("k", b"k" * 32)])

Model = TypeVar("Model", bound=WireModel)


def uuid(number: int) -> str:
    """Return an id that can be told from others at a glance."""
    return f"00000000-0000-4000-8000-{number:012d}"


def _built(model: type[Model], changes: dict[str, Any], **defaults: Any) -> Model:
    unknown = changes.keys() - model.model_fields.keys()
    if unknown:
        raise TypeError(f"{model.__name__} has no {', '.join(sorted(unknown))}")
    return model(**defaults | changes)


# -- the directory's entries -----------------------------------------------------------------------------------------


def account(number: int = 1, **changes: Any) -> Account:
    return _built(Account, changes, id=uuid(number), name=f"account {number}")


def did(number: str = SOURCE, **changes: Any) -> Did:
    return _built(Did, changes, number=number, account_id=uuid(1), p2p_enabled=True)


def sender(address: str = "Example", number: int = 16, **changes: Any) -> Sender:
    return _built(Sender, changes, id=uuid(number), account_id=uuid(1), address=address)


def campaign(number: int = 19, **changes: Any) -> Campaign:
    return _built(
        Campaign, changes, id=uuid(number), account_id=uuid(1), name=f"campaign {number}", senders=(SOURCE,),
        trunk_ids=(uuid(11),),
    )  # fmt: skip


def credential(username: str = "username-11", version: int = 1, **changes: Any) -> PasswordVerifier:
    """Return one that no password fits: `trunk_with_password` makes the others."""
    return _built(
        PasswordVerifier, changes, username=username, version=version, hmac=f"{version:064x}",
        sealed=_sealed(version), key_id="k",
    )  # fmt: skip


@cache
def _sealed(version: int) -> str:
    """Return what does not change from call to call, though sealing takes a new nonce each time."""
    return SEALER.seal(uuid(11), version, "password")


def secret(text: str = SECRET, **changes: Any) -> CallbackSecret:
    return _built(CallbackSecret, changes, secret=text)


def trunk(number: int = 11, **changes: Any) -> Trunk:
    return _built(
        Trunk, changes, id=uuid(number), account_id=uuid(1), name=f"trunk {number}",
        callback_url="https://example.com/callback", credentials=(credential(f"username-{number}"),),
        callback_secrets=(secret(),), created_at=CREATED,
    )  # fmt: skip


def trunk_with_password(
    number: int = 11, *, pepper: bytes = PEPPER, sealer: PasswordSealer = SEALER, **changes: Any
) -> tuple[Trunk, str]:
    """Return a trunk and the password that its customer logs in with."""
    verifier, password = new_password_verifier(changes.get("id", uuid(number)), 1, pepper, sealer)
    return trunk(number, **{"credentials": (verifier,), **changes}), password


def carrier(number: int = 21, **changes: Any) -> Carrier:
    return _built(Carrier, changes, id=uuid(number), name=f"carrier {number}", url="https://example.net/sms")


PROFILE_TEXT: Final = """\
version: 1
name: Plain
about: A GET for each segment.
request:
  method: GET
  urls: "{url}"
  query: {to: "{destination}", text: "{text}"}
answers:
  - {status: 200, outcome: accepted}
"""


def profile(name: str = "plain", text: str = PROFILE_TEXT) -> Profile:
    return Profile(id=name, text=text)


def route(number: int = 31, **changes: Any) -> Route:
    return _built(Route, changes, id=uuid(number), carrier_id=uuid(21))


def user(number: int = 41, **changes: Any) -> PanelUser:
    return _built(
        PanelUser, changes, id=uuid(number), account_id=uuid(1), email=f"user{number}@example.com",
        role=PanelRole.OWNER, password_hash="$argon2id$x",
    )  # fmt: skip


def api_key(number: int = 51, **changes: Any) -> ApiKey:
    return _built(
        ApiKey, changes, id=uuid(number), account_id=uuid(1), name=f"api key {number}", role=PanelRole.MEMBER,
        digest=f"{number:064x}", hint="hint", created_at=CREATED,
    )  # fmt: skip


def directory_of(*entries: DirectoryEntry) -> Directory:
    """Return a directory that holds `entries`, of which the later replace the earlier."""
    held = Directory()
    for offset, entry in enumerate(entries):
        held.apply(key_of(entry), entry.to_bytes(), offset)
    return held


def contents(held: Directory) -> dict[bytes, DirectoryEntry]:
    """Return every entry of a directory, by the key of its record."""
    return {key_of(entry): entry for kind in KINDS.values() for entry in held.entries(kind)}  # type: ignore[type-var]


# -- what travels ----------------------------------------------------------------------------------------------------


def submission(*destinations: str | Destination, **changes: Any) -> Submission:
    """Return one without an id, as a producer writes it."""
    asked = tuple(Destination(address=it) if isinstance(it, str) else it for it in destinations or (DESTINATION,))
    return _built(Submission, changes, trunk_id=uuid(11), source=SOURCE, content="Hello", destinations=asked)


def message(segments: int | tuple[Segment, ...] = 1, *, accepted_at: datetime = CREATED, **changes: Any) -> MtMessage:
    """Return a message of these segments, or of so many (`part 1` and so on), that lives for a day."""
    if isinstance(segments, int):
        segments = tuple(Segment(seqnum=n, text=f"part {n}") for n in range(1, segments + 1))
    return _built(
        MtMessage, changes, id=uuid(61), trunk_id=uuid(11), account_id=uuid(1), source=SOURCE,
        destination=DESTINATION, data_coding=DataCoding.GSM7,
        segments=segments, carrier_id=uuid(21), accepted_at=accepted_at, expires_at=accepted_at + timedelta(days=1),
    )  # fmt: skip


def waiting_message(of: MtMessage, **changes: Any) -> WaitingMessage:
    """Return a message that waits for its second attempt, at its first segment."""
    return _built(
        WaitingMessage, changes, message=of, attempt=2, next_seqnum=1, first_attempt_at=of.accepted_at,
        due_at=of.accepted_at, last_error="HTTP 503",
    )  # fmt: skip


def journal_entry(mark: JournalMark, *, seqnum: int = 1, **changes: Any) -> JournalEntry:
    """Return a mark for the first attempt at a segment of `message()`."""
    return _built(
        JournalEntry, changes, segment_id=f"{uuid(61)}:{seqnum}", mark=mark, attempt=1, topic=SEGMENTED, offset=0,
        at=CREATED, carrier_id=uuid(21),
    )  # fmt: skip


def status(*, accepted_at: datetime = CREATED, **changes: Any) -> MessageStatus:
    """Return the status of a message that ended well as soon as it was accepted."""
    return _built(
        MessageStatus, changes, message_id=uuid(61), trunk_id=uuid(11), stage=StatusStage.PROCESSING,
        status=StatusName.SUCCESS, source=SOURCE, destination=DESTINATION, accepted_at=accepted_at,
        ended_at=accepted_at,
    )  # fmt: skip


def awaited_status(**changes: Any) -> MessageStatus:
    """Return the success of a message of one segment that waits for its receipt."""
    return status(**{"segments_total": 1, "segments_sent": 1, "receipts": True, **changes})


def segment_receipt(state: MessageState = MessageState.DELIVERED, seqnum: int = 1, **changes: Any) -> SegmentReceipt:
    """Return a receipt for a segment of `message()`."""
    return _built(
        SegmentReceipt, changes, message_id=uuid(61), seqnum=seqnum, carrier_id=uuid(21), state=state,
        received_at=CREATED,
    )  # fmt: skip


def waiting_notification(of: MessageStatus | None = None, **changes: Any) -> WaitingNotification:
    """Return a notification that waits for its second attempt."""
    of = of or status()
    return _built(
        WaitingNotification, changes, status=of, attempt=2, first_attempt_at=of.ended_at, due_at=of.ended_at,
        last_error="HTTP 503",
    )  # fmt: skip


def callback_attempt(of: MessageStatus | None = None, **changes: Any) -> CallbackAttempt:
    """Return the first attempt to notify, which was accepted."""
    of = of or status()
    return _built(
        CallbackAttempt, changes, webhook_id=of.webhook_id, message_id=of.message_id, trunk_id=of.trunk_id, attempt=1,
        endpoint="https://example.com", at=of.ended_at, milliseconds=1, outcome=AttemptOutcome.ACCEPTED,
    )  # fmt: skip


def in_record(topic: str, value: bytes | None, offset: int = 0, **changes: Any) -> InRecord:
    """Return a record as it lies in partition 0 of `topic`, written at `CREATED`."""
    at_ms = int(CREATED.timestamp() * 1000)
    return InRecord(topic, 0, offset, at_ms, b"key", value, ())._replace(**changes)
