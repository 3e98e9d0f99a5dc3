"""Ids: their form, and that derived ones come out the same at every replay and differ for everything else."""

import os
import re
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import identifiers
from schemas.identifiers import (
    UUID_PATTERN,
    message_id_from_idempotency_key,
    message_id_of_destination,
    preview_id,
    segment_id,
    submission_id_from_coordinates,
    uuid7,
)

TRUNK = "0192f1c4-6a5e-7b31-9d5c-000000000002"
OTHER = "0192f1c4-6a5e-7b31-9d5c-000000000003"


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Have every id drawn from these random bytes."""
    identifiers._drawn.clear()
    yield lambda random: monkeypatch.setattr("os.urandom", lambda n: (random * n)[:n])
    identifiers._drawn.clear()


def test_uuid7_has_the_fields_of_rfc_9562(draw: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """48 bits of milliseconds, version 7, variant 10, and the random bits where they belong (section 5.7)."""
    monkeypatch.setattr(time, "time_ns", lambda: 0x017F22E279B0 * 1_000_000)
    draw(bytes.fromhex("fcc3f8c4dc0c0c07398f"))
    # The example of RFC 9562 appendix A.6, its random bits with all bits of version and variant set anew.
    assert uuid7() == "017f22e2-79b0-7cc3-b8c4-dc0c0c07398f"


@pytest.mark.parametrize("random", [b"\x00" * 10, b"\xff" * 10])
def test_uuid7_keeps_version_and_variant_whatever_the_random_bits(random: bytes, draw: Callable[[bytes], None]) -> None:
    """Neither all zeros nor all ones reach into the fixed bits."""
    draw(random)
    made = UUID(uuid7())
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert (made.int >> 64 & 0xFFF, made.int & (1 << 62) - 1) == ((0, 0) if random[0] == 0 else (0xFFF, (1 << 62) - 1))


def test_uuid7_sorts_by_time_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of later milliseconds are greater, also where the text gets a new leading digit."""
    made = []
    for milliseconds in (0, 1, 0xFFFF, 0x10000, 0xFFFFFFFF, 0x100000000, 1_795_374_000_000, (1 << 48) - 1):
        monkeypatch.setattr(time, "time_ns", lambda it=milliseconds: it * 1_000_000 + 999_999)
        made.append(uuid7())
    assert made == sorted(made)
    assert all(re.fullmatch(UUID_PATTERN, it) for it in made)


def test_uuid7_does_not_repeat() -> None:
    """Many in one millisecond differ."""
    assert len({uuid7() for _ in range(10_000)}) == 10_000


def test_uuid7_does_not_repeat_in_a_process_that_was_forked() -> None:
    """What was drawn before is the parent's."""
    uuid7()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, "\n".join([uuid7() for _ in range(50)]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as file:
        theirs = {it[14:] for it in file.read().split("\n")}
    assert len(theirs) == 50
    assert theirs.isdisjoint({uuid7()[14:] for _ in range(500)})


def test_derived_ids_are_what_they_have_always_been() -> None:
    """A replay by a later release must find the same ids: these are written down, not calculated here."""
    derived = submission_id_from_coordinates("sms.mt.submitted", 3, 1234, 5)
    assert (
        derived,
        message_id_of_destination(derived, "13105557890"),
        message_id_from_idempotency_key(TRUNK, "order-17", "13105557890"),
        segment_id(TRUNK, 2),
    ) == (
        "e49c9319-775c-5fd9-a627-f19bd684950c",
        "299d5413-0e10-5a22-b44b-3a25641f8b97",
        "ffa2c04d-aa8b-50c7-89d5-6efaf13c468c",
        "0192f1c4-6a5e-7b31-9d5c-000000000002:2",
    )


coordinates = st.tuples(st.sampled_from(["a", "a/1", "b"]), st.integers(0, 20), st.integers(0, 200), st.integers(0, 20))


@given(coordinates, coordinates)
def test_coordinates_and_ids_are_one_to_one(a: tuple[str, int, int, int], b: tuple[str, int, int, int]) -> None:
    """Equal places give equal ids, different places different ones."""
    ids = [submission_id_from_coordinates(*it) for it in (a, b)]
    # A topic's name holds no slash (Kafka allows [a-zA-Z0-9._-]), so the separator cannot be forged.
    if "/" not in a[0] + b[0]:
        assert (a == b) == (ids[0] == ids[1])
    assert all(UUID(it).version == 5 for it in ids)


idempotent = st.tuples(
    st.sampled_from([TRUNK, OTHER]), st.text(max_size=20), st.from_regex("[1-9][0-9]{6,14}", fullmatch=True)
)


@given(idempotent, idempotent)
def test_idempotency_keys_of_different_requests_do_not_meet(a: tuple[str, str, str], b: tuple[str, str, str]) -> None:
    """A key with slashes and digits in it cannot pass for another trunk's, key's or destination's."""
    assert (a == b) == (message_id_from_idempotency_key(*a) == message_id_from_idempotency_key(*b))


@pytest.mark.parametrize("key", ["x/13105557890", "x", "", "/", "x/"])
def test_a_key_that_looks_like_a_destination_is_still_a_key(key: str) -> None:
    """The same, for keys made to collide."""
    forged = message_id_from_idempotency_key(TRUNK, key + "/13105557890", "13105557891")
    assert forged != message_id_from_idempotency_key(TRUNK, key, "13105557890")
    assert forged != message_id_from_idempotency_key(TRUNK, key, "13105557891")


def test_ids_of_different_origins_do_not_meet() -> None:
    """The same words under another namespace are another id."""
    produced = submission_id_from_coordinates("a", 1, 2, 3)
    assert produced != message_id_from_idempotency_key("a", "1/2", "3")


def test_a_preview_has_the_id_of_its_question() -> None:
    """The same for the same, another for another trunk, and never a message's."""
    assert preview_id(TRUNK, "digest") == preview_id(TRUNK, "digest")
    assert len({preview_id(TRUNK, "digest"), preview_id(OTHER, "digest"), preview_id(TRUNK, "other")}) == 3
    assert preview_id(TRUNK, "digest/1") != message_id_from_idempotency_key(TRUNK, "digest", "1")
