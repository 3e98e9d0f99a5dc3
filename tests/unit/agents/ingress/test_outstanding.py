"""How much may wait at once."""

from agents.ingress.outstanding import Full, Outstanding


def test_counts_messages_over_all_and_for_each_trunk() -> None:
    """A flooding trunk meets its own bound and leaves room for others; then all meet the common one."""
    outstanding = Outstanding(limit=10, limit_per_trunk=6)

    assert outstanding.take("a", 6) is None
    assert outstanding.take("a", 1) is Full.TRUNK
    assert outstanding.take("b", 4) is None
    assert outstanding.take("c", 1) is Full.ALL
    assert outstanding.total == 10


def test_room_comes_back() -> None:
    """What is given back can be taken again, and nothing is remembered of a trunk that waits for nothing."""
    outstanding = Outstanding(limit=10, limit_per_trunk=10)
    assert outstanding.take("a", 10) is None
    outstanding.give_back("a", 4)
    assert outstanding.take("b", 5) is Full.ALL
    assert outstanding.take("b", 4) is None
    outstanding.give_back("a", 6)
    outstanding.give_back("b", 4)

    assert (outstanding.total, outstanding._by_trunk) == (0, {})


def test_a_request_that_is_alone_always_fits() -> None:
    """Bounds below the size of a bulk request slow bulk down, but do not shut it out."""
    outstanding = Outstanding(limit=100, limit_per_trunk=50)

    assert outstanding.take("a", 1000) is None
    assert outstanding.take("a", 1) is Full.TRUNK
    outstanding.give_back("a", 1000)
    assert outstanding.take("a", 1) is None
