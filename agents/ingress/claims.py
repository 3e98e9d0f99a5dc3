"""The Idempotency-Keys as ingress knows them: when they are lost they are read anew, and ingress goes on meanwhile.

Whatever lies in the topic, a broker that does not give it out, or a disk that is full: what has no key is taken, and
what has one is refused until the keys are known again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, Self

import structlog
from aiokafka.errors import ConsumerStoppedError, KafkaError

from pipeline.errors import BrokerUnreachable, ConfigurationError, DiskFull
from pipeline.idempotency.keys import Keyed, Verdict

log = structlog.get_logger(__name__)

AGAIN_SECONDS: Final = 2.0


class View(Protocol):
    """What is used of `ClaimsView`."""

    def start(self) -> Awaitable[Self]:
        """Connect and read to the topic's end."""

    def follow(self) -> Awaitable[None]:
        """Take in what comes."""

    def stop(self) -> Awaitable[None]:
        """Disconnect and close the store."""

    def known(self, name: bytes, digest: bytes) -> Verdict | None:
        """Return what a submission would be that is not written yet, None when its key is free as far as is read."""

    def judge(self, keyed: Keyed) -> Verdict:
        """Return what a submission is that lies before what is read."""

    def catch_up(self, targets: Mapping[int, int]) -> Awaitable[None]:
        """Read the partitions up to the given offsets."""


MakeView = Callable[[], View]
"""Opens the store, and makes a view of it that is not started. Raises `ConfigurationError`, `DiskFull`."""


class LastingClaims:
    """Answers as `ClaimsView` does while there is one. Raises `BrokerUnreachable` while there is none."""

    def __init__(self, make_view: MakeView) -> None:
        self._make_view = make_view
        self._view: View | None = None

    async def start(self) -> None:
        """Read what there is. An error of settings is raised; over any other one, `follow` goes on trying."""
        try:
            view = self._make_view()
        except DiskFull as error:
            log.error("idempotency_keys_unknown", error=str(error))
        else:
            await self._open(view)

    async def follow(self) -> None:
        """Follow the topic, and begin anew when that fails, until cancelled."""
        while True:
            if self._view is not None:
                await self._follow(self._view)
            await asyncio.sleep(AGAIN_SECONDS)
            try:
                await self._open(self._make_view())
            except (ConfigurationError, DiskFull) as error:
                log.error("idempotency_keys_unknown", error=str(error))

    async def _open(self, view: View) -> None:
        try:
            self._view = await view.start()
        except Exception as error:  # noqa: BLE001  # whatever lies in the topic: it must not keep others' messages out
            log.error("idempotency_keys_unknown", error=repr(error))

    async def _follow(self, view: View) -> None:
        try:
            await view.follow()
        except Exception as error:  # noqa: BLE001  # as above
            log.error("idempotency_keys_lost", error=repr(error))
        finally:
            self._view = None
            await view.stop()

    @property
    def _known_view(self) -> View:
        if self._view is None:
            raise BrokerUnreachable("the keys are not known yet", stage="idempotency")
        return self._view

    def known(self, name: bytes, digest: bytes) -> Verdict | None:
        """Return what a submission would be that is not written yet, None when its key is free as far as is read."""
        return self._known_view.known(name, digest)

    def judge(self, keyed: Keyed) -> Verdict:
        """Return what a submission is that lies before what is read."""
        return self._known_view.judge(keyed)

    async def catch_up(self, targets: Mapping[int, int]) -> None:
        """Read the partitions up to the given offsets."""
        try:
            await self._known_view.catch_up(targets)
        except (KafkaError, ConsumerStoppedError) as error:
            raise BrokerUnreachable(f"the keys cannot be read: {error!r}", stage="idempotency") from error

    async def stop(self) -> None:
        """Disconnect."""
        if self._view is not None:
            await self._view.stop()
