"""What is a trace context and what is none, and how it rides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.headers.trace import MAX_STATE_LENGTH, TraceContext, Traces, carried, parse, trace_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
CONTEXT = TraceContext(TRACE, SPAN, sampled=True)


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        (GOOD, True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f" {GOOD}\t", True),
        (f"cc-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-00-what-the-future-brings", False),
    ],
)
def test_what_is_a_trace_context(text: str, sampled: bool) -> None:
    """W3C Trace Context section 3.2, later versions as far as they can be read."""
    assert parse([text]) == CONTEXT._replace(sampled=sampled)


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""],
        [GOOD, GOOD],
        [GOOD.upper()],
        [f"ff-{TRACE}-{SPAN}-01"],
        [f"00-{TRACE}-{SPAN}-01-more"],
        [f"00-{'0' * 32}-{SPAN}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [f"00-{TRACE[:-1]}-{SPAN}-01"],
        [f"00-{TRACE}-{SPAN}-1"],
        [f"00-{TRACE}-{SPAN}"],
        [f"cc-{TRACE}-{SPAN}-01-" + "x" * 1000],
        [f"{GOOD}\r\nx: y"],
        ["٠٠" + GOOD[2:]],
    ],
)
def test_what_is_none(texts: list[str]) -> None:
    """Also what was given twice; and nothing is raised."""
    assert parse(texts) is None


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        (["rojo=00f067aa0ba902b7"], "rojo=00f067aa0ba902b7"),
        (["a=1, b=2", "tenant@vendor=x"], "a=1,b=2,tenant@vendor=x"),
        (["a=1,,"], "a=1"),
        ([], None),
        ([""], None),
        (["a"], None),
        (["a=1\r\nx: y"], None),
        (["a=ü"], None),
        (["A=1"], None),
        (["a=" + "x" * MAX_STATE_LENGTH], None),
        ([",".join(f"k{n}=1" for n in range(33))], None),
    ],
)
def test_a_state_goes_along_or_is_left_out(lines: list[str], state: str | None) -> None:
    """A bad one costs the parent nothing."""
    assert parse([GOOD], lines) == CONTEXT._replace(state=state)


@given(st.lists(st.text(max_size=200), max_size=3), st.lists(st.text(max_size=600), max_size=3))
def test_whatever_comes_what_goes_out_can_be_read_again(parents: list[str], states: list[str]) -> None:
    """And holds nothing but printable ASCII: it stands in HTTP headers."""
    context = parse(parents or [GOOD], states)
    if context is not None:
        written = context.http_headers()
        assert parse([written["traceparent"]], [written["tracestate"]] if "tracestate" in written else []) == context
        assert all(it.isascii() and it.isprintable() for it in written.values())


def test_it_rides_with_a_record() -> None:
    """Beside other headers; what has none has none."""
    context = CONTEXT._replace(state="a=1")
    headers = (("origin", b"0:1:2:3"), *context.headers())
    assert trace_of(headers) == context
    assert carried(headers) == context.headers()
    assert trace_of([("origin", b"0:1:2:3")]) is None
    assert carried(()) == ()


def test_elements_of_an_array_have_their_own() -> None:
    """What has none of its own has that of the record, if that has one."""
    own, whole = CONTEXT._replace(span_id="1" * 16), CONTEXT._replace(state="b=2")
    traces = Traces([*own.headers(3), *whole.headers()])
    assert (traces.of(3), traces.of(0), traces.of(2)) == (own, whole, whole)
    assert Traces(own.headers(3)).of(0) is None


@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", b"00-", GOOD.encode() + b"\x00", b"x" * 100_000])
def test_a_hostile_header_is_none(value: bytes) -> None:
    """Of whatever bytes, or of none: the message goes on."""
    assert trace_of([("traceparent", value)]) is None
    assert Traces([("traceparent.0", value), ("tracestate", value)]).of(0) is None
