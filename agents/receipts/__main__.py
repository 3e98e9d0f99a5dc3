"""`python -m agents.receipts`: the process."""

from agents.receipts.app import serve
from agents.runtime import run


def main() -> None:
    """Start the roll-up."""
    run("receipts", serve, traced=True)


if __name__ == "__main__":
    main()
