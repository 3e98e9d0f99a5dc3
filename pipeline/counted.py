"""A number of something, in words."""


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun, `1 route` or `2 routes`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
