"""The addresses that carriers are given: only we can make one, and it is good for one segment of one carrier."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.carriers.receipt_reference import (
    REFERENCE_LENGTH,
    receipt_token,
    receipt_url,
    receipts_url,
    verify,
)
from schemas.identifiers import segment_id
from tests.builders import RECEIPT_KEY, uuid

NAMES = st.text(min_size=1, max_size=100).filter(lambda it: it.isprintable())


def parts(url: str) -> tuple[str, str]:
    """Return the carrier's name and the reference of an address."""
    _, carriers, name, receipts, reference = urlsplit(url).path.split("/")
    assert (carriers, receipts) == ("carriers", "receipts")
    return unquote(name), reference


@given(name=NAMES, message=st.uuids(), seqnum=st.integers(1, 255), key=st.binary(min_size=32, max_size=64))
def test_an_address_names_its_carrier_and_its_segment(name: str, message: object, seqnum: int, key: bytes) -> None:
    """Whatever a name has in it, the path has its five parts, and the reference no character that must be escaped."""
    segment = segment_id(str(message), seqnum)
    url = receipt_url("https://sms.example/in/", name, segment, key)
    assert url.startswith("https://sms.example/in/carriers/")
    found, reference = parts(url.replace("/in/", "/", 1))
    assert (found, len(reference)) == (name, REFERENCE_LENGTH)
    assert verify(name, reference, key) == segment


SEGMENT = segment_id(uuid(61), 2)
REFERENCE = parts(receipt_url("http://127.0.0.1:8080", "carrier 21", SEGMENT, RECEIPT_KEY))[1]


def test_whatever_is_changed_it_is_none_of_ours() -> None:
    """Every character, another carrier, another key, more and less."""
    assert verify("carrier 21", REFERENCE, RECEIPT_KEY) == SEGMENT
    changed = [
        REFERENCE[:place] + letter + REFERENCE[place + 1 :]
        for place in range(len(REFERENCE))
        for letter in "A-_z9"
        if letter != REFERENCE[place]
    ]
    changed += [
        "",
        REFERENCE[:-1],
        REFERENCE + "A",
        REFERENCE[:-1] + "é",
        REFERENCE[:-1] + "!",
        "!" * 44,
        REFERENCE * 2,
    ]
    assert {verify("carrier 21", it, RECEIPT_KEY) for it in changed} == {None}
    assert verify("carrier 22", REFERENCE, RECEIPT_KEY) is None
    assert verify("carrier 21", REFERENCE, RECEIPT_KEY + b"x") is None


@given(st.text(max_size=100))
def test_no_text_passes_for_a_reference(text: str) -> None:
    """Whatever it is, nothing is raised."""
    assert verify("carrier 21", text, RECEIPT_KEY) is None


@pytest.mark.parametrize("base", ["https://sms.example", "https://sms.example/"])
def test_where_a_carrier_that_takes_no_reference_posts_to(base: str) -> None:
    """One address a carrier, and a token that is another one's for nobody else."""
    assert receipts_url(base, "A/B c") == "https://sms.example/carriers/A%2FB%20c/receipts"
    tokens = {receipt_token(name, key) for name in ("one", "two") for key in (RECEIPT_KEY, b"k" * 32)}
    assert len(tokens) == 4
    assert all(len(it) == 32 for it in tokens)
