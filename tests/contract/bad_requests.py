"""Bad requests, and what the contract answers to each. Used with a fake producer and with a real broker."""

import json
from typing import Any, NamedTuple

from tests.unit.agents.ingress.harness import Knocker, asked, basic, bulk, single

BULK = "/bulk_outbound_messages"
PREVIEWS = "/outbound_message_previews"
NO_VALIDITY: tuple[Any, ...] = (59, 0, -60, 259_201, 10**20, 60.0, 3600.5, True, "3600", [3600], {})
A_MESSAGE = "/outbound_messages/0192f1c4-7d02-7e50-b3c2-8d9eafb0c1d2"
A_BULK = "/bulk_outbound_messages/0192f1c4-7d02-7e50-b3c2-8d9eafb0c1d2"
WRONG_CREDENTIALS = ["wrong credentials, or an address that is not allowed"]
WRONG_TYPE = ["Content-Type must be application/vnd.api+json without parameters"]
UTF_16 = "the body is not UTF-8: it begins with the byte order mark of UTF-16"
UNACCEPTABLE = ["Accept must allow application/vnd.api+json without parameters"]
ONLY_CHUNKED = ["of the transfer codings only chunked is understood"]
UNSEEN = "must not hold control or invisible characters, nor begin or end with a space"
NO_DATA = ["the body must be an object with a member data that is an object"]


INSIDE = (
    "which is not on the internet: nothing would ever be posted there. Enter an address that this system can reach "
    "from outside your network"
)


class BadRequest(NamedTuple):
    """`changes` are the keyword arguments of `Knocker.request`."""

    name: str
    status: int
    details: list[str]
    body: Any
    changes: dict[str, Any] = {}  # noqa: RUF012  # never changed

    def raw(self, knocker: Knocker) -> bytes:
        changes = dict(self.changes)
        if "credentials" in changes:
            changes["authorization"] = basic(*changes.pop("credentials"))
        return knocker.request(self.body, **changes)

    @property
    def asks(self) -> "BadRequest":
        """The same as a request for a preview."""
        raw = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        body = raw.replace(b'"outbound_messages"', b'"outbound_message_previews"')
        return self._replace(body=body, changes={**self.changes, "path": PREVIEWS})


def _with(document: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"data": {**document["data"], **members}}


CAMPAIGN_ID = "5d0c3a0e-6a4e-4a0c-9a39-0d1a0c7f4b10"
NO_CAMPAIGN = ["campaign_id must be a UUID in lower case"]
_TEXT = json.dumps(single())

BAD_REQUESTS = [
    # the document
    BadRequest("wrong type", 400, ["type is invalid"], _with(single(), type="messages")),
    BadRequest("missing type", 400, ["type is invalid"], {"data": {"attributes": single()["data"]["attributes"]}}),
    BadRequest("type of the other endpoint", 400, ["type is invalid"], _with(single(), type="bulk_outbound_messages")),
    BadRequest("type is no string", 400, ["type is invalid"], _with(single(), type=["outbound_messages"])),
    BadRequest("empty body", 400, ["the body is not JSON: Expecting value, line 1 column 1"], b""),
    BadRequest("broken JSON", 400, ["the body is not JSON: Expecting value, line 1 column 9"], b'{"data":}'),
    BadRequest("JSON and more", 400, ["the body is not JSON: Extra data, line 1 column 3"], b"{}{}"),
    BadRequest("not UTF-8", 400, ["the body is not UTF-8: byte 9"], b'{"data":"\xff"}'),
    BadRequest("UTF-16", 400, [UTF_16], _TEXT.encode("utf-16")),
    BadRequest("UTF-16, most significant byte first", 400, [UTF_16], b"\xfe\xff" + _TEXT.encode("utf-16-be")),
    BadRequest(
        "UTF-16 without a mark", 400,
        ["the body is not JSON: Expecting property name enclosed in double quotes, line 1 column 2"],
        _TEXT.encode("utf-16-le"),
    ),
    BadRequest(
        "byte order mark", 400, ["the body begins with a byte order mark (U+FEFF): leave it out"],
        b"\xef\xbb\xbf" + _TEXT.encode(),
    ),
    BadRequest("deeply nested", 400, ["the body is nested too deeply"], b"[" * 100_000),
    BadRequest("NaN", 400, ["the body is not JSON: NaN"], b'{"data": NaN}'),
    BadRequest("enormous number", 400, ["the body holds a number that cannot be read"], b"9" * 10_000),
    BadRequest(
        "member twice", 400, ["the member 'content' is there more than once"],
        _TEXT.replace('"content"', '"content": "Hi", "content"').encode(),
    ),
    BadRequest(
        "member twice with a colon in the text", 400, ["the member 'type' is there more than once"],
        b'{"data":{"type":"x","type":"outbound_messages","attributes":{"content":"a:b"}}}',
    ),
    BadRequest("an array", 400, NO_DATA, []),
    BadRequest("a string", 400, NO_DATA, "data"),
    BadRequest("null", 400, NO_DATA, None),
    BadRequest("no data", 400, NO_DATA, {"attributes": {}}),
    BadRequest("data is an array", 400, NO_DATA, {"data": [single()["data"]]}),
    BadRequest("no attributes", 400, ["attributes is missing"], {"data": {"type": "outbound_messages"}}),
    BadRequest("attributes is an array", 400, ["attributes must be an object"], _with(single(), attributes=[])),
    BadRequest("id of the client's", 400, ["a message cannot be given an id: leave it out"], _with(single(), id="1")),
    BadRequest(
        "relationships", 400, ["relationships are not supported"], _with(single(), relationships={"campaign": {}}),
    ),
    # attributes
    BadRequest("no destination", 400, ["destination is missing"], single(destination=None)),
    BadRequest("empty destination", 400, ["destination must not be empty"], single(destination="")),
    BadRequest("destination is a number", 400, ["destination must be a string"], single(destination=15551234567)),
    BadRequest("destination is an array", 400, ["destination must be a string"], single(destination=["15551234567"])),
    BadRequest(
        "destination with a plus", 400, ["destination must start with the country code, without a plus"],
        single(destination="+15551234567"),
    ),
    BadRequest(
        "destination with spaces", 400,
        ["destination must be 7 to 15 digits in international format, country code first"],
        single(destination="1 555 123 4567"),
    ),
    BadRequest(
        "destination with a character that cannot be seen", 400,
        [
            "destination must be 7 to 15 digits in international format, country code first; "
            "character 2 is U+200B ZERO WIDTH SPACE, which cannot be seen"
        ],
        single(destination="1\u200b5551234567"),
    ),
    BadRequest(
        "destination with a national prefix", 400,
        [
            "destination is not in E.164 form: behind the country code it is written as inside the country; "
            "447700900123 is meant"
        ],
        single(destination="4407700900123"),
    ),
    BadRequest(
        "destination with its country code twice", 400,
        ["destination is not in E.164 form: its country code is there twice; 447700900123 is meant"],
        single(destination="44447700900123"),
    ),
    BadRequest(
        "destination in other digits", 400,
        ["destination must be 7 to 15 digits in international format, country code first"],
        single(destination="١٥٥٥١٢٣٤٥٦٧"),
    ),
    BadRequest(
        "impossible destination", 400,
        ["destination is not a possible phone number: wrong length or unknown country code"],
        single(destination="123456789012345"),
    ),
    BadRequest("no source", 400, ["source is missing"], single(source=None)),
    BadRequest("empty source", 400, ["source must not be empty"], single(source="")),
    BadRequest(
        "source is null", 400, ["source must be a string"], _TEXT.replace('"12125551234"', "null").encode(),
    ),
    BadRequest(
        "source with a plus", 400, ["source must start with the country code, without a plus"],
        single(source="+12125551234"),
    ),
    BadRequest("long source", 400, ["source must not be longer than 15 characters"], single(source="1" * 16)),
    BadRequest(
        "source with a line feed", 400,
        [
            "source must not hold control characters, nor begin or end with a space; "
            "character 6 is U+000A LINE FEED, which cannot be seen"
        ],
        single(source="Brand\n"),
    ),
    BadRequest(
        "campaign instead of source", 400, ["source is missing"],
        single(source=None, campaign_id=CAMPAIGN_ID),
    ),
    BadRequest("campaign that is no UUID", 400, NO_CAMPAIGN, single(campaign_id="shop")),
    BadRequest("campaign in upper case", 400, NO_CAMPAIGN, single(campaign_id=CAMPAIGN_ID.upper())),
    BadRequest("campaign and a line feed", 400, NO_CAMPAIGN, single(campaign_id=CAMPAIGN_ID + "\n")),
    BadRequest("campaign that is a number", 400, NO_CAMPAIGN, single(campaign_id=7)),
    BadRequest("no content", 400, ["content is missing"], single(content=None)),
    BadRequest("empty content", 400, ["content must not be empty"], single(content="")),
    BadRequest("content is a number", 400, ["content must be a string"], single(content=1)),
    BadRequest(
        "escape character", 400, ["content cannot be sent: the control character U+001B at position 1 cannot be sent"],
        single(content="a\x1be"),
    ),
    BadRequest(
        "half a surrogate pair", 400,
        ["content cannot be sent: half of a surrogate pair at position 2 cannot be sent"],
        _TEXT.replace("Hello World!", r"Hi\ud83d!").encode(),
    ),
    BadRequest(
        "too many segments", 400, ["content takes 11 segments; at most 10 are allowed"],
        single(content="a" * 1531),
    ),
    BadRequest(
        "far too long", 400, ["content must not be longer than 16384 characters"], single(content="a" * 20_000)
    ),
    BadRequest("a typo", 400, ["txt is not a known attribute"], single(txt="Hi")),
    # smart encoding
    *(
        BadRequest(
            f"smart_encoding {it!r}", 400, ["smart_encoding must be one of off, replace, transliterate"],
            single(smart_encoding=it),
        )
        for it in ("", "on", "Replace", "replace ", True, 1, [], ["replace"], {"replace": 1})
    ),
    BadRequest(
        "smart encoding and what it cannot help", 400,
        ["content takes 11 segments; at most 10 are allowed"], single(content="ж" * 671, smart_encoding="replace"),
    ),
    # where callbacks go
    *(
        BadRequest(f"callback_url {it!r}", 400, ["callback_url must be a string"], single(callback_url=it))
        for it in (1, True, ["https://a.example/"], {"url": "https://a.example/"})
    ),
    BadRequest("empty callback_url", 400, ["callback_url must not be empty"], single(callback_url="")),
    *(
        BadRequest(f"callback_url {name}", 400, [f"callback_url {problem}"], single(callback_url=url))
        for name, url, problem in (
            ("scheme", "ftp://a.example/", "must begin with http:// or https://"),
            ("user", "https://u:p@a.example/", "must not hold a username or password"),
            ("fragment", "https://a.example/#x", "must not hold a fragment (#...)"),
            ("host", "https:///x", "has no host"),
            ("long", "https://a.example/" + "x" * 2031, "must not be longer than 2048 characters"),
            ("inside", "http://169.254.169.254/", f"leads to 169.254.169.254, {INSIDE}"),
            ("here", "http://localhost:8080/", f"leads to localhost, {INSIDE}"),
        )
    ),
    # reference and tags
    BadRequest("empty reference", 400, ["client_reference must not be empty"], single(client_reference="")),
    *(
        BadRequest(f"reference {it!r}", 400, ["client_reference must be a string"], single(client_reference=it))
        for it in (4711, True, ["order 4711"], {"order": 4711})
    ),
    BadRequest(
        "long reference", 400, ["client_reference must not be longer than 100 characters"],
        single(client_reference="ж" * 101),
    ),
    *(
        BadRequest(f"reference with U+{ord(text[place - 1]):04X}", 400, [
            f"client_reference {UNSEEN}; character {place} is {name}, which cannot be seen"
        ], single(client_reference=text))
        for text, place, name in (
            ("a\nb", 2, "U+000A LINE FEED"), ("\0", 1, "U+0000 NULL"), (" a", 1, "U+0020 SPACE"),
            ("x" * 99 + "\u200b", 100, "U+200B ZERO WIDTH SPACE"), ("a\u00a0b", 2, "U+00A0 NO-BREAK SPACE"),
            ("\u202ea", 1, "U+202E RIGHT-TO-LEFT OVERRIDE"),
        )
    ),
    *(
        BadRequest(f"tags {it!r}", 400, ["tags must be an array of strings"], single(tags=it))
        for it in ("one", 1, {"one": 1}, False)
    ),
    BadRequest("eleven tags", 400, ["tags must be 10 at most, not 11"], single(tags=[str(n) for n in range(11)])),
    BadRequest(
        "everything wrong with tags", 400,
        [
            "tag must not be empty", "tag must be a string", "tag must not be longer than 50 characters",
            "tag is there twice", "tag must be a string",
            f"tag {UNSEEN}; character 1 is U+0009 CHARACTER TABULATION, which cannot be seen",
        ],
        bulk(tags=["", 1, "x" * 51, "good", "good", ["good"], "\t"]), {"path": BULK},
    ),
    # when it is to be sent, and for how long
    *(
        BadRequest(f"send_at {it!r}", 400, ["send_at must be a string"], single(send_at=it))
        for it in (1_900_000_000, True, ["2030-01-31T18:00:00Z"], {"at": "2030-01-31T18:00:00Z"})
    ),
    *(
        BadRequest(
            f"send_at {it!r}", 400, ["send_at must be a time with its offset (RFC 3339), like 2030-01-31T18:00:00Z"],
            single(send_at=it),
        )
        for it in ("", "tomorrow", "2030-01-31", "2030-01-31T18:00:00", "2030-02-30T18:00:00Z", "1900000000")
    ),
    *(
        BadRequest(f"send_at {it!r}", 400, ["send_at must be 1 minute to 35 days ahead"], single(send_at=it))
        for it in ("2020-01-31T18:00:00Z", "9999-01-31T18:00:00+01:00")
    ),
    *(
        BadRequest(
            f"validity_period {it!r}", 400, ["validity_period must be a whole number of seconds, 60 to 259200"],
            single(validity_period=it),
        )
        for it in NO_VALIDITY
    ),
    BadRequest(
        "everything wrong with the time of a bulk", 400,
        [
            "send_at must be 1 minute to 35 days ahead",
            "validity_period must be a whole number of seconds, 60 to 259200",
        ],
        bulk(send_at="2020-01-31T18:00:00Z", validity_period=1), {"path": BULK},
    ),
    # cancelling
    *(
        BadRequest(f"{method} a message", 405, ["only DELETE is allowed here"], b"", {"method": method, "path": path})
        for method in ("GET", "POST", "PATCH") for path in (A_MESSAGE, A_BULK)
    ),
    *(
        BadRequest(f"DELETE {path}", 404, ["there is no such resource"], b"", {"method": "DELETE", "path": path})
        for path in (
            "/outbound_messages/4711", f"{A_MESSAGE}/", f"{A_MESSAGE}x", "/outbound_messages/" + "A" * 36,
            f"/outbound_message_previews{A_MESSAGE.removeprefix('/outbound_messages')}",
        )
    ),
    *(
        BadRequest(f"DELETE {path} by a stranger", 401, WRONG_CREDENTIALS, b"", {
            "method": "DELETE", "path": path, "authorization": None,
        })
        for path in (A_MESSAGE, A_BULK)
    ),
    BadRequest(
        "DELETE and Accept of something else", 406, UNACCEPTABLE, b"",
        {"method": "DELETE", "path": A_MESSAGE, "accept": "text/html"},
    ),
    BadRequest("DELETE of all", 405, ["only POST is allowed here"], b"", {"method": "DELETE"}),
    BadRequest(
        "everything at once", 400,
        [
            "type is invalid", "destination must not be empty", "source must be a string", "content is missing",
            "Content is not a known attribute",
        ],
        _with(single(), type="sms", attributes={"destination": "", "source": 1, "Content": "Hi"}),
    ),
    # bulk
    BadRequest("bulk type", 400, ["type is invalid"], _with(bulk(), type="outbound_messages"), {"path": BULK}),
    BadRequest(
        "1001 destinations", 400, ["destination must list 1 to 1000 numbers, not 1001"],
        bulk(destination=[str(15550000000 + n) for n in range(1001)]), {"path": BULK},
    ),
    BadRequest(
        "no destinations", 400, ["destination must list 1 to 1000 numbers, not 0"], bulk(destination=[]),
        {"path": BULK},
    ),
    BadRequest(
        "bulk with one string", 400, ["destination must be an array of strings"], bulk(destination="15551234567"),
        {"path": BULK},
    ),
    BadRequest("bulk without", 400, ["destination is missing"], bulk(destination=None), {"path": BULK}),
    BadRequest(
        "some bad destinations", 400,
        ["destination must be a string", "destination must start with the country code, without a plus"],
        bulk(destination=["15551234567", 15551234568, "+15551234569"]), {"path": BULK},
    ),
    # Idempotency-Key
    *(
        BadRequest(f"{name}, {at}", 400, [f"Idempotency-Key must {rule}"], body, {"idempotency_key": key, "path": at})
        for at, body in (("/outbound_messages", single()), (BULK, bulk()), (PREVIEWS, asked()))
        for name, key, rule in (
            ("empty key", "", "not be empty"),
            ("blank key", "  ", "not be empty"),
            ("long key", "k" * 256, "not be longer than 255 characters"),
            ("key with a tab", "a\tb", "consist of printable ASCII characters"),
            ("key that is not ASCII", "cl\u00e9", "consist of printable ASCII characters"),
            ("two keys", "a\r\nIdempotency-Key: b", "be given once"),
            ("the same key twice", "a\r\nIdempotency-Key: a", "be given once"),
        )
    ),
    # who is calling
    BadRequest("no Authorization", 401, WRONG_CREDENTIALS, single(), {"authorization": None}),
    BadRequest("another scheme", 401, WRONG_CREDENTIALS, single(), {"authorization": "Bearer abc"}),
    BadRequest("broken base64", 401, WRONG_CREDENTIALS, single(), {"authorization": "Basic dXNl*"}),
    BadRequest("no colon", 401, WRONG_CREDENTIALS, single(), {"authorization": "Basic dXNlcg=="}),
    BadRequest("unknown user", 401, WRONG_CREDENTIALS, single(), {"credentials": ("nobody-here", "secret")}),
    BadRequest(
        "wrong credentials come before all else", 401, WRONG_CREDENTIALS, b"{",
        {"authorization": "Basic Og==", "content_type": None},
    ),
    # media types
    BadRequest("plain JSON", 415, WRONG_TYPE, single(), {"content_type": "application/json"}),
    BadRequest("no content type", 415, WRONG_TYPE, single(), {"content_type": None}),
    BadRequest("charset", 415, WRONG_TYPE, single(), {"content_type": "application/vnd.api+json; charset=utf-8"}),
    BadRequest("form", 415, WRONG_TYPE, b"a=b", {"content_type": "application/x-www-form-urlencoded"}),
    BadRequest("gzip", 415, ["the body must not be compressed"], single(), {"content_encoding": "gzip"}),
    BadRequest(
        "gzip in a list", 415, ["the body must not be compressed"], single(), {"content_encoding": ", identity, gzip"}
    ),
    *(
        BadRequest(f"Accept: {accept}", 406, UNACCEPTABLE, single(), {"accept": accept})
        for accept in (
            "application/vnd.api+json; charset=utf-8",
            'application/vnd.api+json; ext="https://example.com/ext"',
            "application/vnd.api+json;ext=x, application/vnd.api+json;charset=utf-8, */*",
            "application/vnd.api+json;q=0, */*",
            "text/html",
            "text/html, application/xml;q=0.9, image/*",
            "*/*;q=0",
            "application/*;q=0.000, */*",
            "nonsense",
        )
    ),
    # size, path, method
    BadRequest("2 MB", 413, ["the body must not be larger than 262144 bytes"], single(content="a" * 2_000_000)),
    BadRequest("unknown path", 404, ["there is no such resource"], single(), {"path": "/messages"}),
    BadRequest("trailing slash", 404, ["there is no such resource"], single(), {"path": "/outbound_messages/"}),
    BadRequest(
        "unknown path, unknown caller", 404, ["there is no such resource"], b"", {"path": "/", "authorization": None},
    ),
    *(
        BadRequest(
            f"Transfer-Encoding: {coding}", 501, ONLY_CHUNKED, b"0\r\n\r\n",
            {"content_length": None, "transfer_encoding": coding},
        )
        for coding in ("gzip, chunked", "x, , gzip,chunked")
    ),
    *(
        BadRequest(
            f"Transfer-Encoding: {coding or 'empty'}", 400, ["the request is not well-formed HTTP"], b"0\r\n\r\n",
            {"content_length": None, "transfer_encoding": coding},
        )
        for coding in (
            "gzip", "chunked, gzip", "chunked, chunked", "gzip\r\nTransfer-Encoding: chunked", "identity", "",
        )
    ),
    BadRequest("GET", 405, ["only POST is allowed here"], b"", {"method": "GET"}),
    BadRequest("PUT", 405, ["only POST is allowed here"], single(), {"method": "PUT"}),
    BadRequest("GET a preview", 405, ["only POST is allowed here"], b"", {"method": "GET", "path": PREVIEWS}),
    BadRequest("preview of a send", 400, ["type is invalid"], single(), {"path": PREVIEWS}),
    BadRequest("send of a preview", 400, ["type is invalid"], asked(), {"path": "/outbound_messages"}),
    BadRequest("GET bulk", 405, ["only POST is allowed here"], b"", {"method": "GET", "path": BULK}),
    BadRequest("OPTIONS", 405, ["only POST is allowed here"], b"", {"method": "OPTIONS"}),
    BadRequest(
        "unknown expectation", 417, ["only 100-continue can be expected"], b"",
        {"expect": "wonders", "content_length": "10"},
    ),
    BadRequest(
        "unknown expectation among others", 417, ["only 100-continue can be expected"], b"",
        {"expect": ", 100-continue, wonders", "content_length": "10"},
    ),
]  # fmt: skip

TITLES = {
    400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    409: "Conflict", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
    417: "Expectation Failed", 429: "Too Many Requests", 431: "Request Header Fields Too Large", 501: "Not Implemented",
    503: "Service Unavailable",
}  # fmt: skip
