"""What requests and responses in JSON:API are made of, whatever they are about.

Requests are models that both check them and describe them in the OpenAPI document. An attribute that nobody knows is
refused: it would be a wish that is silently not granted.
"""

import json
from typing import Annotated, Any, Generic, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from agents.serving.errors import MEDIA_TYPE
from schemas.identifiers import Uuid

Data = TypeVar("Data")

# Requests


class RequestModel(BaseModel):
    """Strict, and closed."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    def given(self) -> dict[str, Any]:
        """Return the attributes that the request has."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Document(RequestModel, Generic[Data]):
    """The body of a request."""

    data: Data


class AccountIdentifier(RequestModel):
    """One account."""

    type: Literal["accounts"]
    id: Uuid


class ToAccount(RequestModel):
    """A relationship to an account."""

    data: AccountIdentifier


class AccountRelationships(RequestModel):
    """Whose it is."""

    account: ToAccount


Name = Annotated[str, Field(min_length=1, max_length=100)]

# Responses


class Shown(BaseModel):
    """Part of a response."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


Resource = dict[str, Any]


def resource(kind: str, identity: str, attributes: Shown, relationships: dict[str, Any] | None = None) -> Resource:
    """Return a resource object with a link to itself."""
    found: Resource = {"type": kind, "id": identity, "attributes": attributes.model_dump(mode="json")}
    if relationships:
        found["relationships"] = relationships
    found["links"] = {"self": f"/v3/{kind}/{identity}"}
    return found


def relationship(kind: str, identity: str) -> dict[str, Any]:
    """Return a relationship to one resource."""
    return {"data": {"type": kind, "id": identity}}


def json_response(status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
    """Return a document as a response."""
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode()
    return web.Response(status=status, body=body, headers={"Content-Type": MEDIA_TYPE, **(headers or {})})
