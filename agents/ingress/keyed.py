"""Requests with an Idempotency-Key: sent once, whichever process each repetition comes to.

A request whose key is not known is written as any other, and then looked up: whoever is first in the topic holds the
key. So no lock and no agreement between processes is needed, and a process that dies before its answer leaves nothing
behind that the next one would have to clean up. The processor applies the same rule to what is written twice.
"""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, Protocol

from multidict import istr

from agents.ingress.submit import Submitter, Written
from pipeline.errors import BrokerUnreachable, NotAcknowledged, SmsoutError
from pipeline.idempotency.keys import Keyed, Verdict, check_key, digest_of, name_of, short_digest
from pipeline.metrics import IDEMPOTENCY
from pipeline.steps.admission.request import Admitted
from schemas.identifiers import bulk_id_from_idempotency_key, message_id_from_idempotency_key
from schemas.messages.destination import numbered, own_digest
from schemas.messages.timing import timed

IDEMPOTENCY_KEY: Final = istr("Idempotency-Key")

_counters: Final = {verdict: IDEMPOTENCY.labels("ingress", verdict.name.lower()) for verdict in Verdict}


class Claims(Protocol):
    """What is used of `ClaimsView`."""

    def known(self, name: bytes, digest: bytes) -> Verdict | None:
        """Return what a submission would be that is not written yet, None when its key is free as far as is read."""

    def judge(self, keyed: Keyed) -> Verdict:
        """Return what a submission is that lies before what is read."""

    def catch_up(self, targets: Mapping[int, int]) -> Awaitable[None]:
        """Read the partitions up to the given offsets."""


def bad_key(values: Sequence[str]) -> str | None:
    """Return what is wrong with the header's values, one for each line of it, or None."""
    return check_key(values[0]) if len(values) == 1 else "Idempotency-Key must be given once"


def under_key(admitted: Admitted, key: str, kind: str) -> Admitted:
    """Return `admitted` with its key; message ids follow from the key, so that repetitions name the same ones.

    `kind` is the resource type: the key of a single message is no key for a bulk request.
    """
    addresses = [address for _, address in admitted.messages]
    own = admitted.own
    names = addresses if own is None else numbered(addresses)
    return admitted._replace(
        messages=tuple(
            (message_id_from_idempotency_key(admitted.trunk_id, key, name), address)
            for name, address in zip(names, addresses, strict=True)
        ),
        idempotency_key=key,
        idempotency_digest=digest_of(
            kind,
            admitted.source,
            admitted.content or None,
            addresses,
            admitted.client_reference,
            admitted.tags,
            admitted.smart_encoding,
            None if own is None else own_digest(own),
            timed(admitted.send_at, admitted.validity_period),
            admitted.callback_url,
            admitted.campaign_id,
        ),
        bulk_id=admitted.bulk_id and bulk_id_from_idempotency_key(admitted.trunk_id, key),
    )


class KeyedSubmitter:
    """Submits what has a key. `limit_seconds`: how long the topic may take to say who holds it."""

    def __init__(self, submitter: Submitter, claims: Claims, limit_seconds: float) -> None:
        self._submitter = submitter
        self._claims = claims
        self._limit = limit_seconds
        self._running: dict[bytes, asyncio.Event] = {}

    async def submit(self, submission: Admitted) -> Verdict:
        """Return whether `submission`, written or not, is the one that is sent.

        Raises `BrokerUnreachable` when it was not even tried, and `NotAcknowledged` when it may or may not be
        written. In both cases it is safe to repeat.
        """
        trunk_id, key = submission.trunk_id, submission.idempotency_key or ""
        partition = await self._submitter.partition_of(trunk_id)
        name, digest = name_of(partition, trunk_id, key), short_digest(submission.idempotency_digest or "")
        while (verdict := self._known(name, digest)) is None and (before := self._running.get(name)) is not None:
            await before.wait()  # the same request came a moment ago: one of both need not be written
        if verdict is None:
            done = self._running[name] = asyncio.Event()
            try:
                verdict = await self._write(submission, partition, name, digest)
            finally:
                del self._running[name]
                done.set()
        _counters[verdict].inc()
        return verdict

    def _known(self, name: bytes, digest: bytes) -> Verdict | None:
        try:
            return self._claims.known(name, digest)
        except SmsoutError as error:
            raise BrokerUnreachable(f"the keys cannot be read: {error}", stage="ingress") from error

    async def _write(self, submission: Admitted, partition: int, name: bytes, digest: bytes) -> Verdict:
        written = Written()
        await self._submitter.submit(submission.trunk_id, submission.to_bytes(), written, submission.trace)
        if written.at is None:
            raise NotAcknowledged("the broker does not say where it has put it", stage="ingress")
        try:
            async with asyncio.timeout(self._limit):
                await self._claims.catch_up({partition: written.at.offset + 1})
            return self._claims.judge(Keyed(name, written.at, time.time_ns() // 1_000_000, digest))
        except (SmsoutError, TimeoutError) as error:
            raise NotAcknowledged(f"who holds the key is not known: {error!r}", stage="ingress") from error
