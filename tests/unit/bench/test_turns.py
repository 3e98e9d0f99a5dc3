"""Two versions in turns: ratios by round, and what is shown of them."""

from pathlib import Path

import pytest

from tests.bench.bench import Plan
from tests.bench.turns import Turns, run, table

# The machine gets slower by half on the way; in each round this version costs a tenth less.
OTHER = [{"rate": 4000.0, "way": cost, "delivery": cost / 2, "panel": 0.0} for cost in (200.0, 240.0, 300.0)]
THIS = [{"rate": 4400.0, "way": it["way"] * 0.9, "delivery": it["way"] * 0.6, "scheduler": 2.0} for it in OTHER]


def test_a_ratio_is_that_of_the_same_round() -> None:
    """Whatever the machine does from one round to the next."""
    turns = Turns(OTHER, THIS)
    assert turns.ratio("way") == pytest.approx(0.9)
    assert turns.ratio("delivery") == pytest.approx(1.2)
    assert turns.ratio("rate") == pytest.approx(1.1)
    odd_round = Turns([*OTHER, {**OTHER[0], "way": 20.0}], [*THIS, THIS[0]])
    assert odd_round.ratio("way") == pytest.approx(0.9)  # one round that is odd changes nothing


def test_what_only_one_of_them_has_is_not_compared() -> None:
    """A process that the other version does not have, or that costs nothing."""
    turns = Turns(OTHER, THIS)
    assert turns.names() == ["rate", "way", "delivery"]
    assert table(turns).split("\n") == [
        "median of 3 rounds           other      this   ratio",
        "rate         messages/s     4000.0    4400.0   1.100",
        "way          us/message      240.0     216.0   0.900",
        "delivery     us/message      120.0     144.0   1.200",
    ]


def test_a_folder_without_a_set_up_checkout_is_named(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(RuntimeError, match="run `make setup` there"):
        run(tmp_path, 1, Plan(1, 1, 1), tmp_path)
