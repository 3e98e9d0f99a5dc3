"""Commits pass what is no record, and never one that is not acked; what Faust is given of ours is still asked for."""

import inspect

from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as faust_driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from hypothesis import given
from hypothesis import strategies as st

from agents.processor.driver import Book, CommittedConsumer, CommittedThread

PLACE = TP("t", 0)


def test_nothing_is_known_at_first() -> None:
    """Neither what to commit nor where."""
    assert Book().places() == []
    assert Book().to_commit(PLACE) is None


def test_a_gap_behind_the_last_record_is_passed_when_that_is_acked() -> None:
    """A transaction's marker, or records that were aborted: the next fetch brings no record, but has come on."""
    book = Book()
    book.take(PLACE, 4)
    book.reach(PLACE, 5)
    assert book.to_commit(PLACE) is None
    book.ack(PLACE, 3)
    assert book.to_commit(PLACE) == 4
    book.reach(PLACE, 9)
    assert book.to_commit(PLACE) == 4
    book.ack(PLACE, 4)
    assert book.to_commit(PLACE) == 9


def test_a_partition_of_gaps_alone_is_passed() -> None:
    """There is nothing that could be acked."""
    book = Book()
    book.reach(PLACE, 7)
    assert (book.places(), book.to_commit(PLACE)) == ([PLACE], 7)


@given(st.lists(st.lists(st.booleans(), max_size=5), max_size=8), st.data())
def test_a_commit_never_passes_a_record_that_is_not_acked(fetches: list[list[bool]], data: st.DataObject) -> None:
    """Whatever fetches bring, records and gaps, and however far acks have come: all before it is acked or no record."""
    book, offset = Book(), 0
    unacked: list[int] = []
    for fetch in fetches:
        taken = [it for it, is_record in enumerate(fetch, offset) if is_record]
        offset += len(fetch)
        if taken:
            book.take(PLACE, taken[-1])
        book.reach(PLACE, offset)
        unacked += taken
        for _ in range(data.draw(st.integers(0, len(unacked)))):
            book.ack(PLACE, unacked.pop(0))
        found = book.to_commit(PLACE)
        assert found is None or found <= (unacked[0] if unacked else offset)
        assert unacked or found == offset


def test_faust_still_asks_for_what_the_driver_replaces() -> None:
    """An upgrade that renames or calls these otherwise would read uncommitted, or commit as it likes, in silence."""
    for name in ("_create_worker_consumer", "_fetch_records", "_ensure_consumer", "highwater"):
        assert hasattr(faust_driver.AIOKafkaConsumerThread, name)
    assert "self._create_worker_consumer(transport)" in inspect.getsource(
        faust_driver.AIOKafkaConsumerThread._create_consumer
    )
    consumer = faust_consumer.Consumer
    assert "await self._getmany(" in inspect.getsource(consumer._wait_next_records)
    assert "self._new_offset(tp)" in inspect.getsource(consumer._filter_committable_offsets)
    assert "self._filter_tps_with_pending_acks(topics)" in inspect.getsource(consumer.force_commit)
    assert "self._add_gap(" in inspect.getsource(consumer._drain_messages)
    assert "self._acked[tp]" in inspect.getsource(consumer._new_offset)
    assert "consumer.ack(self)" in inspect.getsource(ConsumerMessage.on_final_ack)
    assert "self._thread = self._new_consumer_thread()" in inspect.getsource(
        faust_consumer.ThreadDelegateConsumer.__init__
    )
    for replaced, of in ((CommittedThread, faust_driver.AIOKafkaConsumerThread), (CommittedConsumer, consumer)):
        for name, ours in vars(replaced).items():
            theirs = getattr(of, name, None)
            if inspect.isfunction(ours) and inspect.isfunction(theirs) and name != "__init__":
                assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters), name
