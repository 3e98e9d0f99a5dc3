"""A list on a page: what its address says about filter, order and page, and links to its neighbours."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from agents.panel.operations.entries.paging import Paging, Slice
from agents.panel.page import PageContext

Item = TypeVar("Item")

SIZES: Final = (25, 50, 100)
MAX_PAGE: Final = 1_000_000
MAX_FILTER_CHARACTERS: Final = 200
_NEIGHBOURS: Final = 1


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a request's query asks for; everything that makes no sense is its default."""

    path: str
    filters: Mapping[str, str]
    """Filter values by name, empty where there is none."""
    sort: str
    default_sort: str
    page: int
    size: int

    @classmethod
    def of(cls, path: str, query: Mapping[str, str], filters: tuple[str, ...], sort: str = "") -> "ListQuery":
        """Read a query; `sort` is the order when it names none."""
        return cls(
            path,
            {name: query.get(name, "").strip()[:MAX_FILTER_CHARACTERS] for name in filters},
            query.get("sort", sort)[:32],
            sort,
            _number(query.get("page"), 1, MAX_PAGE),
            size if (size := _number(query.get("per_page"), SIZES[0], SIZES[-1])) in SIZES else SIZES[0],
        )

    @property
    def paging(self) -> Paging:
        """The part of the list, as the operations take it."""
        return Paging(self.sort, self.page, self.size)

    def flag(self, name: str) -> bool | None:
        """Return a filter of `true`, `false` or neither."""
        return {"true": True, "false": False}.get(self.filters[name])

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is set."""
        return any(self.filters.values())

    def url_of(self, path: str) -> str:
        """Return another address about the same entries: with these filters, and nothing of order and page."""
        left = {name: value for name, value in self.filters.items() if value}
        return f"{path}?{urlencode(left)}" if left else path

    def url(self, **changes: object) -> str:
        """Return the address of this list with `changes`, without what is as by default."""
        query: dict[str, object] = {**self.filters, "sort": self.sort, "per_page": self.size, **changes}
        left = {
            name: value
            for name, value in query.items()
            if value != "" and (name, value) not in {("sort", self.default_sort), ("per_page", SIZES[0]), ("page", 1)}
        }
        return f"{self.path}?{urlencode(left)}" if left else self.path


class Listing:
    """A slice of a list, for the templates' headings and pager."""

    sizes = SIZES

    def __init__(self, part: Slice[Any], query: ListQuery) -> None:
        self._query = query
        self.total, self.first, self.last = part.total, part.first, part.last
        self.page, self.page_count, self.per_page = part.number, part.pages, query.size

    def sort_state(self, key: str) -> str | None:
        """Return the `aria-sort` of a column, None when the list is not in its order."""
        return {key: "ascending", f"-{key}": "descending"}.get(self._query.sort)

    def sort_url(self, key: str) -> str:
        """Return the list in a column's order, or the other way round when it is already."""
        return self._query.url(sort=f"-{key}" if self._query.sort == key else key)

    def page_url(self, page: int) -> str:
        """Return another page."""
        return self._query.url(page=page)

    def pages_shown(self) -> Iterator[int | None]:
        """Iterate over the first and the last page and those around this one; None for a gap."""
        before = 0
        for page in range(1, self.page_count + 1) if self.page_count <= 7 else self._around():
            if page > before + 1:
                yield None
            yield page
            before = page

    def _around(self) -> list[int]:
        low, high = max(1, self.page - _NEIGHBOURS), min(self.page_count, self.page + _NEIGHBOURS)
        return sorted({1, *range(low, high + 1), self.page_count})

    def kept(self, without: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        """Return what a form of this page must carry along, so that it changes nothing but its own fields."""
        fields = {**self._query.filters, "sort": self._query.sort}
        return [(name, value) for name, value in fields.items() if value and name not in without]


@dataclass(frozen=True, slots=True)
class ListPage:
    """One list of the panel: its path and template, the order when none is asked for, and what it can be filtered by.

    A page beyond the end leads to the last one: what was on it may have been deleted.
    """

    path: str
    section: str
    template: str
    sort: str = ""
    filters: tuple[str, ...] = ()

    def query(self, context: PageContext) -> ListQuery:
        """Return what the request asks for."""
        return ListQuery.of(self.path, context.request.query, self.filters, self.sort)

    def render(
        self,
        context: PageContext,
        query: ListQuery,
        part: Slice[Item],
        row: Callable[[Item], Any] = lambda item: item,
        **values: Any,
    ) -> web.Response:
        """Return the page: `row` makes of an item what the template shows of it."""
        if part.total and not part.items:
            return context.redirect(query.url(page=part.pages))
        return context.render(
            self.template,
            section=self.section,
            listing=Listing(part, query),
            rows=[row(item) for item in part.items],
            filters={**query.filters, "any": query.is_filtered},
            nothing_yet=not part.total and not query.is_filtered,
            **values,
        )


def _number(text: str | None, default: int, highest: int) -> int:
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 9):
        return default
    return min(max(1, int(text)), highest)
