"""One OpenAPI 3.1 document for the management API and for ingress, made from the table of routes and the models.

Served at /v3/openapi.json and committed as docs/openapi.yaml (`smsout schemas write`).
"""

import importlib.metadata
import json
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from agents.panel.api.openapi import ingress, ingress_answers
from agents.panel.api.resources import ROUTES
from agents.panel.api.route import ApiRoute
from agents.panel.operations.actor import PERMISSIONS, ROLE_WORDS
from agents.serving.errors import MEDIA_TYPE

_REF: Final = "#/components/schemas/{model}"
Json = dict[str, Any]

_ETAG: Final[Json] = {"ETag": {"description": "The version; If-Match takes it.", "schema": {"type": "string"}}}
_ERRORS: Final[dict[int, str]] = {
    400: "A body that is not JSON, or a query parameter that makes no sense",
    401: "No API key, or one that is unknown or revoked",
    403: "The key's role is not allowed to do this",
    404: "There is no such entry, or it belongs to another account",
    406: "Accept leaves no form that the answer has",
    408: "The body did not arrive in time",
    409: "The id in the body is not the one in the path",
    412: "If-Match does not name the current version",
    413: "The body is too large",
    415: "Another Content-Type",
    422: "Attributes that break rules, each with a pointer",
    501: "A transfer coding other than chunked",
    503: "The broker does not answer: a change may or may not be in force; or the message log does not answer",
}


def _errors_of(route: ApiRoute) -> list[int]:
    found = {401, 403, 406}
    if route.is_list:
        found |= {400, 404}
    else:
        found |= {400}  # query parameters are refused where there are none
    if route.has_identity:
        found |= {404}
    if route.takes_if_match:
        found |= {412}
    if route.takes is not None:
        found |= {404, 408, 413, 415, 422, 501}
        if route.has_identity:
            found |= {409}
    if route.of_one_account:
        found |= {422}
    if route.is_logged:
        found |= {422, 503}
    if route.method != "GET":
        found |= {422, 503}
    return sorted(found)


def _refused(description: str) -> Json:
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Errors"}}},
    }


def _parameters(route: ApiRoute) -> list[Json]:
    found: list[Json] = []
    if route.has_identity:
        found.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}})
    if route.takes_if_match:
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "description": "An ETag: change only this version. Without it the latest is changed.",
                "schema": {"type": "string"},
            }
        )
    if not route.is_list:
        return found
    found += [{"name": name, "in": "query", "schema": schema} for name, schema in route.query.described()]
    return found


def _done(route: ApiRoute) -> Json:
    if route.gives is None:
        return {"description": "Done"}
    shown = {"$ref": _REF.format(model=_resource_name(route))}
    document: Json = {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": shown} if route.is_list else shown,
            "meta": {"type": "object"},
            "links": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["data"],
        "additionalProperties": False,
    }
    answer: Json = {"description": "Done", "content": {MEDIA_TYPE: {"schema": document}}}
    headers: Json = {}
    if not (route.is_list or route.is_logged) and route.kind != "sms_trunk_regenerate_credentials":
        headers |= _ETAG
    if route.status == 201:
        headers["Location"] = {"description": "Where it is.", "schema": {"type": "string"}}
    return answer | ({"headers": headers} if headers else {})


def _resource_name(route: ApiRoute) -> str:
    return "".join(part.capitalize() for part in route.kind.split("_")) + "Resource"


def _resource(route: ApiRoute, attributes: type[BaseModel]) -> Json:
    return {
        "type": "object",
        "properties": {
            "type": {"const": route.kind},
            "id": {"type": "string"},
            "attributes": {"$ref": _REF.format(model=attributes.__name__)},
            "relationships": {"type": "object"},
            "links": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["type", "id", "attributes", "links"],
        "additionalProperties": False,
    }


def _operation(route: ApiRoute) -> Json:
    roles = [ROLE_WORDS[role].lower() for role, may in PERMISSIONS.items() if route.permission in may]
    operation: Json = {
        "operationId": route.operation_id,
        "summary": route.summary,
        "description": f"Roles: {', '.join(roles)}.",
        "tags": ["management"],
        "security": [{"apiKey": []}],
        "responses": {
            str(route.status): _done(route),
            **{str(status): _refused(_ERRORS[status]) for status in _errors_of(route)},
        },
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.takes is not None:
        schema = route.takes.json_schema(ref_template=_REF)
        schema.pop("$defs", None)
        operation["requestBody"] = {"required": True, "content": {MEDIA_TYPE: {"schema": _plain(schema)}}}
    return operation


def _plain(schema: Json) -> Json:
    return {name: value for name, value in schema.items() if name not in ("title", "description")}


def _schemas() -> Json:
    found: Json = {}
    for route in ROUTES:
        if route.takes is not None:
            found |= route.takes.json_schema(ref_template=_REF).get("$defs", {})
        if route.gives is not None:
            found[_resource_name(route)] = _resource(route, route.gives)
    shown = {model for route in ROUTES if (model := route.gives) is not None}
    models = [(model, "serialization") for model in sorted(shown, key=lambda it: it.__name__)]
    found |= models_json_schema(models, ref_template=_REF)[1].get("$defs", {})  # type: ignore[arg-type]
    for name, schema in found.items():
        if name.endswith("Changes"):  # what is left out stays: the models' defaults are never used
            for attribute in schema["properties"].values():
                attribute.pop("default", None)
        if name == "ShownHttpOut":  # left out where there is no new password
            schema["required"] = [it for it in schema["required"] if it != "password"]
    return found


@cache
def openapi() -> Json:
    """Return the document."""
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    paths["/v3/openapi.json"] = {
        "get": {
            "operationId": "openapi",
            "summary": "This document",
            "tags": ["management"],
            "security": [],
            "responses": {"200": {"description": "OpenAPI", "content": {"application/json": {"schema": True}}}},
        }
    }
    paths |= ingress.paths()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "smsout",
            "version": importlib.metadata.version("smsout"),
            "description": "Sending messages (ingress) and managing trunks (management API, on the panel's port).",
        },
        "tags": [
            {"name": "ingress", "description": "Sending; HTTP Basic with a trunk's credentials. See http-api.md."},
            {"name": "management", "description": "Trunks, numbers and routes. See management-api.md."},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key of the panel."},
                "trunk": {"type": "http", "scheme": "basic", "description": "A trunk's username and password."},
            },
            "schemas": {**_schemas(), **ingress_answers.schemas()},
        },
    }


@cache
def openapi_json() -> bytes:
    """Return the document as JSON."""
    return json.dumps(openapi(), separators=(",", ":"), sort_keys=True).encode()
