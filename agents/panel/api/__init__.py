"""The management API, /v3: JSON:API over the same operations as the pages.

table      every route: method, path, permission, what it takes and gives
documents  requests as pydantic models
resources  entries as JSON:API resources
trunks, numbers, routing   the handlers
app        authentication, dispatch, errors
openapi    the OpenAPI document, of this API and of ingress
"""
