"""What a list's address says, and the links to its neighbours."""

import pytest

from agents.panel.pages.parts.listing import Listing, ListQuery


def wanted(**query: str) -> ListQuery:
    return ListQuery.of("/list", query, ("name", "blocked"), "name")


def listing(total: int, **query: str) -> Listing:
    asked = wanted(**query)
    return Listing(asked.paging.cut(range(total)), asked)


@pytest.mark.parametrize(
    ("query", "page", "size"),
    [
        ({}, 1, 25),
        ({"page": "3", "per_page": "50"}, 3, 50),
        ({"page": "0", "per_page": "0"}, 1, 25),
        ({"page": "-1", "per_page": "26"}, 1, 25),
        ({"page": "٣", "per_page": "1e9"}, 1, 25),
        ({"page": "9" * 400, "per_page": "100000"}, 1, 100),
        ({"page": "999999999"}, 1_000_000, 25),
    ],
)
def test_page_and_size_are_what_makes_sense(query: dict[str, str], page: int, size: int) -> None:
    """Whatever the query holds, there is a page from 1 and one of the offered sizes."""
    assert (wanted(**query).page, wanted(**query).size) == (page, size)


@pytest.mark.parametrize(("text", "flag"), [("true", True), ("false", False), ("", None), ("TRUE", None), ("1", None)])
def test_a_flag_is_yes_no_or_either(text: str, flag: bool | None) -> None:
    """What is neither `true` nor `false` filters nothing."""
    assert wanted(blocked=text).flag("blocked") is flag


def test_an_address_says_only_what_differs_from_the_default() -> None:
    """The plain list has the plain path; filters are quoted."""
    assert wanted().url() == "/list"
    assert wanted(name="a&b=c").url(page=2) == "/list?name=a%26b%3Dc&page=2"
    assert wanted(sort="-name", per_page="50").url() == "/list?sort=-name&per_page=50"


def test_a_column_sorts_up_then_down() -> None:
    """The first click sorts ascending, the next the other way; filters stay and the page starts over."""
    assert listing(1, name="x", page="7").sort_url("url") == "/list?name=x&sort=url"
    assert listing(1, sort="url").sort_url("url") == "/list?sort=-url"
    assert listing(1, sort="-url").sort_url("url") == "/list?sort=url"
    assert [listing(1, sort=sort).sort_state("url") for sort in ("url", "-url", "name")] == [
        "ascending",
        "descending",
        None,
    ]


@pytest.mark.parametrize(
    ("total", "page", "shown"),
    [
        (0, "1", [1]),
        (26, "1", [1, 2]),
        (175, "4", [1, 2, 3, 4, 5, 6, 7]),
        (10_000, "1", [1, 2, None, 400]),
        (10_000, "2", [1, 2, 3, None, 400]),
        (10_000, "200", [1, None, 199, 200, 201, None, 400]),
        (10_000, "400", [1, None, 399, 400]),
    ],
)
def test_the_pager_shows_the_ends_and_the_neighbours(total: int, page: str, shown: list[int | None]) -> None:
    """Up to seven pages all of them; else the first, the last, those around, and None for a gap."""
    assert list(listing(total, page=page).pages_shown()) == shown
