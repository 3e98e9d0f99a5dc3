"""Which of several submissions with one Idempotency-Key is sent: a rule over the topic alone.

Of the submissions of a trunk with one key, the first holds the key and is sent. Those of the next 24 hours repeat it,
or conflict with it when they ask for something else. The key is free again when nothing has been written under it for
24 hours by the broker's clock; what keeps it longer than a day after its holder conflicts too.

So what a submission is depends on the 48 hours of the topic before it and on nothing else: 24 for who may hold the key
and 24 more for whether that one did. Ingress and processor come to the same verdict, whenever they read and however
often they have died.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from pipeline.steps.admission.submitted_record import read_submitted
from schemas.messages.submission import Submission
from schemas.messages.timing import timed

KEPT_MS: Final = 86_400_000
LOOK_BACK_MS: Final = 2 * KEPT_MS
MAX_KEY_LENGTH: Final = 255

_KEY: Final = re.compile(r"[ -~]{1,255}")
_HASH_BYTES: Final = 16


class Verdict(Enum):
    """What a submission with a key is."""

    HOLDS = auto()  # the one that is sent
    REPEATS = auto()
    CONFLICTS = auto()  # the same key for something else, or too late for a repetition


class SubmissionOffset(NamedTuple):
    """Where in its partition a submission is: the record's offset, and which element of its array (0 without one)."""

    offset: int
    element: int


class Keyed(NamedTuple):
    """A submission with a key, as far as the rule needs it. `at_ms` is the broker's time for its record."""

    name: bytes
    submission: SubmissionOffset
    at_ms: int
    digest: bytes


class Claim(NamedTuple):
    """A key that is held: by which submission, written when, and when something was last written under it."""

    submission: SubmissionOffset
    digest: bytes
    at_ms: int
    last_at_ms: int

    def is_alive(self, at_ms: int) -> bool:
        """Tell whether a submission at this time comes too early to take the key over."""
        return at_ms - self.last_at_ms < KEPT_MS

    def verdict(self, digest: bytes, at_ms: int) -> Verdict:
        """Return what another submission at this time is while the claim is alive."""
        return Verdict.REPEATS if self.digest == digest and at_ms - self.at_ms < KEPT_MS else Verdict.CONFLICTS


def follow(claim: Claim | None, keyed: Keyed) -> Claim:
    """Return who holds the key after `keyed`, when `claim` was the latest claim before it."""
    if claim is None or not claim.is_alive(keyed.at_ms):
        return Claim(keyed.submission, keyed.digest, keyed.at_ms, keyed.at_ms)
    return claim._replace(last_at_ms=max(claim.last_at_ms, keyed.at_ms))


def judge(claim: Claim, keyed: Keyed) -> Verdict:
    """Return what `keyed` is, when `claim` is the latest claim of its key up to itself."""
    return Verdict.HOLDS if claim.submission == keyed.submission else claim.verdict(keyed.digest, keyed.at_ms)


def check_key(key: str) -> str | None:
    """Return what is wrong with an Idempotency-Key, or None."""
    if _KEY.fullmatch(key):
        return None
    if not key:
        return "Idempotency-Key must not be empty"
    if len(key) > MAX_KEY_LENGTH:
        return f"Idempotency-Key must not be longer than {MAX_KEY_LENGTH} characters"
    return "Idempotency-Key must consist of printable ASCII characters"


def digest_of(
    kind: str,
    source: str,
    content: str | None,
    destinations: Sequence[str],
    reference: str | None = None,
    tags: Sequence[str] | None = None,
    smart_encoding: str | None = None,
    own: Sequence[object] | None = None,
    timing: Mapping[str, object] | None = None,
    callback_url: str | None = None,
    campaign_id: str | None = None,
) -> str:
    """Return what must be the same for a repetition: SHA-256 in hex. `kind` is the resource type, "" on the topic.

    `own` is what destinations have of their own (`schemas.messages.destination.own_digest`), `timing` what `timed` says
    of the submission. What has none of the optional attributes must have the digest that it always had.
    """
    asked: list[object] = [kind, source, content, list(destinations)]
    if reference is not None or tags:
        asked += [reference, list(tags or ())]
    if smart_encoding is not None:
        asked.append({"smart_encoding": smart_encoding})
    if own is not None:
        asked.append({"own": own})
    if timing:
        asked.append(dict(timing))
    if callback_url is not None:
        asked.append({"callback_url": callback_url})
    if campaign_id is not None:
        asked.append({"campaign_id": campaign_id})
    canonical = json.dumps(asked, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def name_of(partition: int, trunk_id: str, key: str) -> bytes:
    """Return 16 bytes that stand for a trunk's key in a partition.

    With the partition, because order is all that decides and there is none between partitions. A trunk's submissions
    are all in one, where the trunk's id is the record's key.
    """
    return hashlib.blake2b(f"{partition}/{trunk_id}/{key}".encode(), digest_size=_HASH_BYTES).digest()


def short_digest(digest: str) -> bytes:
    """Return as much of a digest in hex as claims keep."""
    return bytes.fromhex(digest)[:_HASH_BYTES]


def may_hold_key(value: bytes | None) -> bool:
    """Tell, without reading it, whether a record's value can hold a submission with a key."""
    # JSON may write any letter as an escape: a record with one could name the attribute without its bytes.
    # (One letter is found twenty times as fast as two.)
    return value is not None and (b"idempotency_key" in value or (b"\\" in value and b"\\u" in value))


def keyed_submissions(partition: int, offset: int, at_ms: int, value: bytes | None) -> Iterator[Keyed]:
    """Yield the submissions with a key of a record of `sms.mt.submitted`, in their order."""
    if may_hold_key(value):
        for element, submission in enumerate(read_submitted(value)):
            if isinstance(submission, Submission) and submission.idempotency_key is not None:
                addresses = [it.address for it in submission.destinations]
                digest = submission.idempotency_digest or digest_of(
                    "", submission.source, submission.content, addresses, submission.client_reference, submission.tags,
                    submission.smart_encoding, submission.own_digest(),
                    timed(submission.send_at, submission.validity_period),
                    submission.callback_url,
                    submission.campaign_id,
                )  # fmt: skip
                name = name_of(partition, submission.trunk_id, submission.idempotency_key)
                yield Keyed(name, SubmissionOffset(offset, element), at_ms, short_digest(digest))
