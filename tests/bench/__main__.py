"""`python -m tests.bench`: load a running system and print what it carries."""

import argparse
import json
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench import turns
from tests.bench.bench import Plan, run
from tests.bench.peers import measure_kannel, missing_tools
from tests.bench.report import as_json, table
from tests.bench.scenarios import flood, neighbours, outage, receipts
from tests.bench.system import ROOT

SCENARIOS: Final = {
    "flood": (flood.run, "one number is flooded"),
    "outage": (outage.run, "a carrier and an endpoint are away under load"),
    "neighbours": (neighbours.run, "hundreds of endpoints hang"),
    "receipts": (receipts.run, "the carrier reports what became of each message"),
}


def main() -> int:
    """Run, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Load a running system.")
    parser.add_argument("--seconds", type=int, default=30, help="how long to load it")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--probes", type=int, default=100, help="messages that measure idle latency, one at a time")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench.json")
    parser.add_argument("--peers", type=Path, help="a folder with run_kannel.sh: measure Kannel afterwards")
    parser.add_argument("--against", type=Path, help="only this: another checkout, set up, and this one in turns")
    parser.add_argument("--rounds", type=int, default=8, help="of --against")
    parser.add_argument("--still", action="append", default=[], metavar="AGENT", help="of --against: stands still here")
    for name, (_, about) in SCENARIOS.items():
        parser.add_argument(f"--{name}", action="store_true", help=f"only this scenario: {about}")
    given = parser.parse_args()
    alone = [name for name in SCENARIOS if getattr(given, name)]
    if given.peers is not None:
        if not (given.peers / "run_kannel.sh").exists():
            parser.error(f"--peers: there is no run_kannel.sh in {given.peers}")
        if missing := missing_tools():
            parser.error(f"--peers: not installed: {', '.join(missing)} (Debian: kannel nghttp2-client netcat-openbsd)")
    if given.still and given.against is None:
        parser.error("--still: only with --against")
    folder, plan = Path(tempfile.mkdtemp(prefix="smsout-bench-")), Plan(given.seconds, given.connections, given.probes)
    try:
        written: dict[str, Any] = {"at": datetime.now(UTC).isoformat()}
        if given.against is not None:
            compared = turns.run(given.against.resolve(), given.rounds, plan, folder, given.still)
            print(turns.table(compared), flush=True)
            written["turns"] = compared._asdict()
        elif not alone:
            result = run(plan, folder)
            print(table(result), flush=True)
            written["smsout"] = as_json(result)
        if given.against is None and not alone and given.peers is not None:
            peer = measure_kannel(given.peers, folder)
            written["peer"] = as_json(peer)
            ratio = written["ratio"] = round(result.to_callback_per_second / peer.end_to_end_per_second, 3)
            print(f"\n{peer.name}: {peer.end_to_end_per_second:.0f} messages/s end to end; smsout carries {ratio:.2f}x")
        for name in alone or (SCENARIOS if given.against is None else ()):
            verdicts = SCENARIOS[name][0](folder / name)
            print("", *verdicts, sep="\n", flush=True)
            written[name] = [as_json(it) for it in verdicts]
    except RuntimeError as error:
        print(f"bench: {error}\nIts files are kept in {folder}", file=sys.stderr)
        return 1
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(written, indent=2) + "\n")
    print(f"\nwritten to {given.output}")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
