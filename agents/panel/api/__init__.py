"""The management API, /v3: JSON:API over the same operations as the pages.

app         authentication and dispatch
call        one call, as a handler sees it, and its reply
errors      every error in JSON:API's shape
jsonapi     what requests and responses are made of
route       a route, and the five that each kind of entry has
resources/  the resource types: requests, responses, handlers, routes
openapi/    the OpenAPI document, of this API and of ingress
"""
