"""Load generators, and what they say they have done."""

from pathlib import Path

import pytest

from tests.bench import load
from tests.bench.load import FIRST_NUMBER, LoadResult, Target, put_load
from tests.bench.system import sink

WRK_OUTPUT = """Running 30s test @ http://127.0.0.1:8080/outbound_messages
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    12.50ms    5.13ms 101.20ms   88.11%
    Req/Sec     5.20k   300.00     6.00k    70.00%
  Latency Distribution
     50%  950.00us
     75%   14.00ms
     90%   18.00ms
     99%    1.25s
  155000 requests in 30.01s, 40.00MB read
  Non-2xx or 3xx responses: 12
Requests/sec:   5165.00
"""
TARGET = Target("http://127.0.0.1:1/outbound_messages", "user", "pa:ss", "12125551234")


def test_wrk_s_report_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Counts, and latencies in milliseconds whatever unit wrk chose."""
    monkeypatch.setattr(load, "_run", lambda *_, limit_seconds: WRK_OUTPUT)
    result = load._wrk(TARGET, 30, 64, FIRST_NUMBER, tmp_path)
    assert result == LoadResult("wrk", 30.01, 155_000, 12, 0.95, 1250.0, 0)
    assert result.accepted == 154_988


def test_a_wrk_that_saw_no_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not a rate of zero."""
    monkeypatch.setattr(load, "_run", lambda *_, limit_seconds: "  0 requests in 1.00s, 0.00B read\n")
    with pytest.raises(RuntimeError, match="no answer"):
        load._wrk(TARGET, 1, 1, FIRST_NUMBER, tmp_path)


def test_a_request_has_the_length_that_it_says() -> None:
    """Every number has the same length, so the head is made once."""
    for number in (FIRST_NUMBER, FIRST_NUMBER + 7_999_999):
        head, _, body = TARGET.request(number).partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}" in head.decode()
        assert f'"destination":"{number}"'.encode() in body
    first, second = (next(TARGET.requests(FIRST_NUMBER + n)) for n in range(2))
    assert first != second


@pytest.mark.parametrize("generator", ["own", "wrk"])
def test_sink_and_generators_work_as_the_processes_that_they_are(
    generator: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the generator says was accepted is what the sink has counted, but for requests cut off at the end."""
    if generator == "own":
        monkeypatch.setattr(load, "WRK", tmp_path / "no-such-program")
    elif not load.WRK.exists():
        pytest.skip("wrk is not installed")
    with sink() as counting:
        target = Target(counting.url + "/carrier", "user", "pass", "12125551234")
        counting.reset(watch='"12122000003"')
        result = put_load(target, 1, 4, FIRST_NUMBER, tmp_path)
        stats = counting.stats()
        ((path, _, body),) = counting.watched()
    assert (generator, 0) == (result.generator, result.refused)
    assert 0 <= stats["carrier"]["n"] - result.accepted <= 4
    assert result.accepted > 100
    assert result.cpu_seconds > 0
    assert ("/carrier", TARGET.request(FIRST_NUMBER + 3).decode().partition("\r\n\r\n")[2]) == (path, body)
