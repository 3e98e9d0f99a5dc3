"""What the topic says of the processes of ingress."""

from types import SimpleNamespace
from typing import Any, cast

from pipeline.kafka.views.living_view import LivingView
from pipeline.settings import KafkaSettings
from schemas.state.announced import Announcement
from schemas.topics import INGRESS_ANNOUNCED
from tests.builders import CREATED
from tests.fakes.producer import ProducerInMemory

OWN, OTHER = "0" * 32, "1" * 32


def record(key: str, value: bytes | None) -> Any:
    return SimpleNamespace(key=key.encode(), value=value, offset=0)


async def test_announcements_count_and_farewells_end_them() -> None:
    """What cannot be read is passed over."""
    producer = ProducerInMemory()
    view = LivingView(KafkaSettings(), cast("Any", producer), OWN, client_id="test")
    said = Announcement(identity=OTHER, at=CREATED).to_bytes()
    view.apply([record(OTHER, said), record(OWN, b"{"), record("x", b"[]")])
    assert view.living.count == 2
    view.apply([record(OTHER, None)])
    assert view.living.count == 1
    await view.stop()


async def test_who_has_never_said_that_it_lives_says_no_farewell() -> None:
    """Its producer may not even have started."""
    producer = ProducerInMemory()
    view = LivingView(KafkaSettings(), cast("Any", producer), OWN, client_id="test")
    await view.leave()
    assert producer.records == []
    await view.say()
    await view.leave()
    assert [(it.topic, it.key, it.value is None) for it in producer.records] == [
        (INGRESS_ANNOUNCED, OWN.encode(), False),
        (INGRESS_ANNOUNCED, OWN.encode(), True),
    ]
    await view.stop()
