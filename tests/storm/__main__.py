"""`python -m tests.storm --seconds 300 --seed N`: a storm over a system of its own, and a report."""

import argparse
import logging
import sys
import tempfile
from pathlib import Path
from random import randrange

from tests.brokers import share_kafka_jars
from tests.storm.storm import run


def main() -> int:
    """Run it; 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long it lasts (300)")
    parser.add_argument("--seed", type=int, default=None, help="where everything random comes from (a new one)")
    parser.add_argument("--folder", type=Path, default=None, help="keep data and logs here (a temporary folder)")
    parser.add_argument("--send-once", action="store_true", help="repeat no request: what got no answer is a maybe")
    options = parser.parse_args()
    seed = randrange(2**32) if options.seed is None else options.seed
    print(f"storm with seed {seed}", flush=True)
    share_kafka_jars()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that the broker is away is no news in a storm
    with tempfile.TemporaryDirectory(prefix="storm-") as temporary:
        report = run(options.folder or Path(temporary), options.seconds, seed, repeats=not options.send_once)
    print(report)
    return 0 if report.went_well else 1


if __name__ == "__main__":
    sys.exit(main())
