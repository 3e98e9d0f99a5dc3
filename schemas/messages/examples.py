"""Submissions as a producer may write them, for the JSON Schema and the documents that are made of it."""

from typing import Final

from pydantic import JsonValue

SINGLE: Final[JsonValue] = {
    "schema_version": 1,
    "trunk_id": "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e",
    "source": "12125551234",
    "content": "Your code is 4711",
    "destinations": [{"address": "13105557890"}],
}
BULK: Final[JsonValue] = {
    "id": "0192f1c4-7d02-7e4f-8a11-5b6c7d8e9f00",
    "trunk_id": "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e",
    "source": "12125551234",
    "content": "Grüße: the doors open at 19:00 \u2013 see you there",
    "destinations": [
        {"address": "13105557890", "id": "0192f1c4-7d02-7e50-b3c2-8d9eafb0c1d2"},
        {"address": "4915112345678", "id": "0192f1c4-7d02-7e51-9f80-1a2b3c4d5e6f"},
    ],
    "client_reference": "order 4711",
    "tags": ["shop", "doors"],
    "callback_url": "https://customer.example/doors",
    "accepted_at": "2026-11-22T19:00:00.250000Z",
}
TEMPLATE: Final[JsonValue] = {
    "trunk_id": "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e",
    "source": "12125551234",
    "content": "Hello {{name}}, your table is ready at {{time}}.",
    "destinations": [
        {"address": "13105557890", "values": {"name": "Ann", "time": "19:00"}, "client_reference": "table 7"},
        {"address": "4915112345678", "values": {"name": "Jörg", "time": "20:30"}},
    ],
}
OWN_TEXTS: Final[JsonValue] = {
    "trunk_id": "0192f1c4-6a5e-7b31-9d5c-3f2a1b0c9d8e",
    "source": "12125551234",
    "destinations": [
        {"address": "13105557890", "content": "Your code is 4711"},
        {"address": "4915112345678", "content": "Ihr Code ist 1174"},
    ],
}
