"""`python -m agents.delivery`: the process."""

from agents.delivery.app import serve
from agents.runtime import run


def main() -> None:
    """Start delivery."""
    run("delivery", serve, traced=True)


if __name__ == "__main__":
    main()
