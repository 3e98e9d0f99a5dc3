"""Who lives, by who has been heard of."""

from pipeline.limits.living import GONE_SECONDS, SAY_SECONDS, Living
from tests.fakes.clock import Clock

OWN, ONE, TWO = "0" * 32, "1" * 32, "2" * 32


def test_a_process_knows_of_itself() -> None:
    """Also before it has heard itself; and it is one, not two, when it has."""
    living = Living(OWN, Clock())
    assert living.count == 1
    living.heard(OWN)
    living.heard(ONE)
    assert living.count == 2
    living.left(ONE)
    living.left(ONE)
    assert living.count == 1


def test_who_is_silent_while_others_speak_has_gone() -> None:
    """A killed process counts for some seconds, and no longer."""
    clock = Clock()
    living = Living(OWN, clock)
    living.heard(ONE)
    began, counts = clock.now, []
    while clock.now <= began + GONE_SECONDS + SAY_SECONDS:
        clock.now += SAY_SECONDS
        living.heard(TWO)
        counts.append(living.count)
    assert counts == [3, 3, 3, 2, 2]


def test_while_nothing_is_heard_nobody_has_gone() -> None:
    """A broker that is silent must not give everybody the whole of a limit."""
    clock = Clock()
    living = Living(OWN, clock)
    living.heard(ONE)
    clock.now += 1000
    assert living.count == 2
