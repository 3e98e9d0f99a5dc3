"""A figure, and what it has to be."""

from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """One figure of a scenario. `at_most` and `at_least` are what is wanted of it, None where it only informs."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def good(self) -> bool:
        """Whether it is as wanted; one that could not be measured (NaN) is not."""
        if self.at_most is not None and not self.value <= self.at_most:
            return False
        return self.at_least is None or self.value >= self.at_least

    def __str__(self) -> str:
        text = f"{self.name:<58}{self.value:>10.1f} {self.unit:<11}"
        for word, bound in (("at most", self.at_most), ("at least", self.at_least)):
            if bound is not None:
                text += f" {word} {bound:.1f}: {'good' if self.good else 'MISSED'}"
        return text.rstrip()


class Verdict(NamedTuple):
    """What a scenario has come to."""

    scenario: str
    figures: Sequence[Figure]

    def __str__(self) -> str:
        return "\n".join([self.scenario, *(f"  {it}" for it in self.figures)])
