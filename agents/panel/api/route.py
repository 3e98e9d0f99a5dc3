"""A route of the management API, and the five that each kind of entry has."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, TypeAdapter

from agents.panel.api.call import NO_QUERY, Call, Query, Reply, listing
from agents.panel.api.jsonapi import Document, Resource
from agents.panel.operations.actor import Actor, Permission
from agents.panel.operations.entries.paging import Slice
from agents.panel.operations.operations import Operations

Entry = TypeVar("Entry")
Read = TypeVar("Read", covariant=True)

ApiHandler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One route. `takes` is the model of the request's document, `gives` of the attributes in the response.

    `operation_id` is its name for programs, `kind` the resource type; `pointers` lead from the attribute that an
    operation finds wrong to the place in the request's data.
    """

    method: str
    path: str
    handler: ApiHandler
    operation_id: str
    permission: Permission
    summary: str
    kind: str
    takes: TypeAdapter[BaseModel] | None = None
    gives: type[BaseModel] | None = None
    status: int = 200
    is_list: bool = False
    of_one_account: bool = False
    """Where there are several, an operator names the one that is meant."""
    is_logged: bool = False
    """It is answered by the message log, and not from the directory."""
    query: Query = NO_QUERY
    pointers: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_identity(self) -> bool:
        """Whether the path has an id."""
        return "{id}" in self.path

    @property
    def takes_if_match(self) -> bool:
        """Whether If-Match counts."""
        return self.has_identity and self.method in ("PATCH", "DELETE") and not self.is_logged


def document_of(data: object) -> TypeAdapter[BaseModel]:
    """Return what checks a request's document whose data is of a type."""
    return TypeAdapter(Document[data])  # type: ignore[valid-type]


class Area(Protocol[Read]):
    """What is used of an area of the operations."""

    @property
    def list(self) -> Callable[..., Slice[Any]]:
        """Return a part of the entries; takes the actor, and by name what the query says."""

    def get(self, actor: Actor, identity: str, /) -> tuple[Read, int]:
        """Return an entry and its version."""

    @property
    def delete(self) -> Callable[..., Awaitable[object]]:
        """Delete an entry; takes the actor, its id and the version that is expected."""


class EntryResources(ABC, Generic[Entry]):
    """One kind of entry as resources: list, create, retrieve, change, delete. A subclass says what is its kind's own.

    `kind` is the resource type, `name` and `noun` are what one is called in operation ids and in words.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    noun: ClassVar[str]
    see: ClassVar[Permission]
    change: ClassVar[Permission]
    new: ClassVar[object]
    changed: ClassVar[object]
    shown: ClassVar[type[BaseModel]]
    query: ClassVar[Query]
    pointers: ClassVar[Mapping[str, str]]

    @abstractmethod
    def area(self, operations: Operations) -> Area[Entry]:
        """Return the operations on entries of this kind."""

    @abstractmethod
    def resource(self, entry: Entry) -> Resource:
        """Return an entry as a resource."""

    @abstractmethod
    async def create(self, call: Call) -> Reply:
        """Create what the request says."""

    @abstractmethod
    async def update(self, call: Call) -> Reply:
        """Change what the request gives."""

    def resource_in_list(self, item: Any) -> Resource:
        """Return what a list shows of one of its items."""
        return self.resource(item)

    async def list(self, call: Call) -> Reply:
        """List."""
        part = self.area(call.operations).list(call.actor, **call.query)
        return listing(call, f"/v3/{self.kind}", part, [self.resource_in_list(item) for item in part.items])

    async def retrieve(self, call: Call) -> Reply:
        """Retrieve."""
        return self.current(*self.area(call.operations).get(call.actor, call.identity))

    async def delete(self, call: Call) -> Reply:
        """Delete."""
        await self.area(call.operations).delete(call.actor, call.identity, call.expected)
        return Reply(204)

    def current(self, entry: Entry, version: int) -> Reply:
        """Return the reply that shows an entry as it is now."""
        return Reply(200, self.resource(entry), version=version)

    def routes(self) -> tuple[ApiRoute, ...]:
        """Return the five routes."""
        all_of, one = f"/v3/{self.kind}", f"/v3/{self.kind}/{{id}}"
        kind, name, noun, see, change, shown = self.kind, self.name, self.noun, self.see, self.change, self.shown
        new, changed, pointers = document_of(self.new), document_of(self.changed), self.pointers
        return (
            ApiRoute(
                "GET", all_of, self.list, f"list_{name}s", see, f"List {noun}s", kind, None, shown,
                is_list=True, query=self.query,
            ),
            ApiRoute(
                "POST", all_of, self.create, f"create_{name}", change, f"Create a {noun}", kind, new, shown, 201,
                pointers=pointers,
            ),
            ApiRoute("GET", one, self.retrieve, f"retrieve_{name}", see, f"Retrieve a {noun}", kind, None, shown),
            ApiRoute(
                "PATCH", one, self.update, f"update_{name}", change, f"Change a {noun}", kind, changed, shown,
                pointers=pointers,
            ),
            ApiRoute("DELETE", one, self.delete, f"delete_{name}", change, f"Delete a {noun}", kind, status=204),
        )  # fmt: skip


def created(shown: Resource, version: int | None) -> Reply:
    """Return the reply to what has created a resource."""
    return Reply(201, shown, version=version, location=shown["links"]["self"])
