"""The figures of a run as a table for people and as JSON for programs."""

from math import isfinite
from typing import Any

from tests.bench.bench import Process, Result
from tests.bench.latency import Latency, Percentiles


def as_json(value: object) -> Any:
    """Return named tuples as objects, and what could not be measured (NaN) as null, all the way down."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: as_json(it) for name, it in value._asdict().items()}
    if isinstance(value, dict):
        return {name: as_json(it) for name, it in value.items()}
    if isinstance(value, list):
        return [as_json(it) for it in value]
    if isinstance(value, float):
        return round(value, 3) if isfinite(value) else None
    return value


def table(result: Result) -> str:
    """Return the table of one run."""
    load = result.load
    lines = [
        f"smsout, broker {result.broker}, {result.plan.connections} connections for {load.seconds:.0f} s "
        f"({load.generator}), calibration loop {result.calibration_ms:.1f} ms",
        "",
        *_rows(
            ("", "messages", "messages/s"),
            ("accepted (201)", str(result.accepted), f"{result.accepted_per_second:.0f}"),
            ("end to end, to the carrier", str(result.to_carrier), f"{result.to_carrier_per_second:.0f}"),
            ("end to end, to the callback", str(result.to_callback), f"{result.to_callback_per_second:.0f}"),
            ("  at the carrier when the load ended", str(result.to_carrier_during_load), ""),
            ("  not accepted (4xx, 5xx)", str(load.refused), ""),
            ("  seconds to drain, to start", f"{result.drain_seconds:.1f}", f"{result.start_up_seconds:.1f}"),
        ),
        "",
        *_rows(
            ("latency, ms", "p50", "p95", "p99", "lost"),
            ("load: request to 201", f"{load.p50_ms:.1f}", "", f"{load.p99_ms:.1f}", ""),
            *_latency("under load", result.loaded),
            *_latency("idle, one at a time", result.idle),
        ),
        "",
        *_rows(
            ("process", "CPU us/message", "CPU s", "RSS MB"),
            *(_process(name, it) for name, it in result.processes.items()),
            _process("all of these", _sum(result.processes)),
            _process("all but the broker", _sum({k: v for k, v in result.processes.items() if k != "broker"})),
            *(_process(f"({name})", it) for name, it in result.tools.items()),
            ("(rest of the machine)", "", f"{result.other_cpu_seconds:.1f}", ""),
        ),
    ]
    if result.noisy:
        lines += [
            "",
            f"NOISY: others used {result.other_cpu_seconds / result.seconds:.1f} cores meanwhile; run it again on a "
            "quiet machine before you compare",
        ]
    return "\n".join(lines)


def _latency(name: str, latency: Latency) -> list[tuple[str, ...]]:
    def row(where: str, it: Percentiles) -> tuple[str, ...]:
        return (f"{name}: {where}", f"{it.p50_ms:.1f}", f"{it.p95_ms:.1f}", f"{it.p99_ms:.1f}", str(it.lost))

    return [
        row("request to 201", latency.answer),
        row("request to carrier", latency.carrier),
        row("request to callback", latency.callback),
    ]


def _process(name: str, it: Process) -> tuple[str, ...]:
    return (name, f"{it.cpu_us_per_message:.1f}", f"{it.cpu_seconds:.1f}", f"{it.resident_mb:.0f}")


def _sum(processes: dict[str, Process]) -> Process:
    return Process(*(sum(column) for column in zip(*processes.values(), strict=True)))


def _rows(*rows: tuple[str, ...]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
