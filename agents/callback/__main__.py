"""`python -m agents.callback`: the process."""

from agents.callback.app import serve
from agents.runtime import run


def main() -> None:
    """Start the callback agent."""
    run("callback", serve, traced=True)


if __name__ == "__main__":
    main()
