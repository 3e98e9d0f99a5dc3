"""Numbers as CSV, one a line: read strictly, with every line that is wrong."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from pipeline.e164 import number_problem
from schemas.address import MSISDN, unseen
from schemas.directory.account import NumberCheck

MAX_LINES: Final = 200_000
MAX_PROBLEMS: Final = 100

Problem = tuple[str, str]

_YES: Final = frozenset({"yes", "true", "1", "on", "y", "p2p"})
_NO: Final = frozenset({"no", "false", "0", "off", "n", ""})


def parse_numbers(
    text: str, check: NumberCheck = NumberCheck.PLAN
) -> tuple[dict[str, tuple[int, bool]], list[Problem]]:
    """Return line (from 1) and flag by number, and what is wrong: (`line 3` or `text`, problem), at most a hundred.

    A line is `number,p2p_enabled`. `check` is the account's. The flag may be left out (no). A first line that begins
    with `number` is a heading.
    """
    wanted: dict[str, tuple[int, bool]] = {}
    problems: list[Problem] = []
    for line, cells in _lines(text, problems):
        number = cells[0].strip().removeprefix("+")
        flag = cells[1].strip().lower() if len(cells) > 1 else ""
        if len(cells) > 2:
            problems.append((f"line {line}", "has more than two columns"))
        elif (problem := _number_problem(number, check)) is not None:
            problems.append(
                (f"line {line}", f"{cells[0][:32]!a} is not a phone number in international format{problem}")
            )
        elif flag not in _YES | _NO:
            problems.append((f"line {line}", f"{flag[:32]!a} is neither yes nor no"))
        elif number in wanted:
            problems.append((f"line {line}", f"{number} was on line {wanted[number][0]} already"))
        else:
            wanted[number] = line, flag in _YES
    if not wanted and not problems:
        problems.append(("text", "holds no numbers"))
    return wanted, problems


def parse_opt_outs(text: str) -> tuple[list[str], list[Problem]]:
    """Return the numbers of the first column, each once, and what is wrong, as `parse_numbers` does."""
    wanted: dict[str, None] = {}
    problems: list[Problem] = []
    for line, cells in _lines(text, problems):
        number = cells[0].strip().removeprefix("+")
        if MSISDN.fullmatch(number) is None:
            odd = unseen(cells[0])
            more = "" if odd is None else f": {odd}"
            problems.append((f"line {line}", f"{cells[0][:32]!a} is not a phone number in international format{more}"))
        else:
            wanted[number] = None
    if not wanted and not problems:
        problems.append(("text", "holds no numbers"))
    return list(wanted), problems


def _lines(text: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each line that has some; adds to `problems`, and ends when those are many."""
    # NUL and a lone quote that swallows the rest are errors of the csv module; one line is one record here.
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > MAX_LINES:
        problems.append(("text", f"has {len(lines)} lines; at most {MAX_LINES} can be imported at once"))
        return
    for line, content in enumerate(lines, start=1):
        if not content.strip() or (line == 1 and content.lstrip(' "').lower().startswith("number")):
            continue
        if len(problems) >= MAX_PROBLEMS:
            return
        try:
            yield line, next(csv.reader(io.StringIO(content), strict=True))
        except (csv.Error, StopIteration):
            problems.append((f"line {line}", "is not CSV"))


def _number_problem(number: str, check: NumberCheck) -> str | None:
    """Return what to add to the words that something is no number; None when it is one."""
    if MSISDN.fullmatch(number) is None:
        odd = unseen(number)
        return "" if odd is None else f": {odd}"
    problem = number_problem(number, check)
    return None if problem is None else f": it {problem}"
