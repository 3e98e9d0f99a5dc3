"""`python -m agents.scheduler`: the process."""

from agents.runtime import run
from agents.scheduler.app import serve


def main() -> None:
    """Start the scheduler."""
    run("scheduler", serve)


if __name__ == "__main__":
    main()
