"""How a request is made, and who we are to the carrier."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.carriers.profile_form.base import Form, Words, as_texts


class TlsForm(Form):
    """Templates of PEM texts: whom to trust in place of the usual ones, and who we are."""

    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None

    @model_validator(mode="after")
    def _a_certificate_has_a_key(self) -> Self:
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key belong together")
        return self


class BasicForm(Form):
    """HTTP Basic (RFC 7617)."""

    username: str
    password: str


class SignatureForm(Form):
    """An HMAC over chosen parts. It stands in a header or in the query, alone or with text around it (`value`)."""

    algorithm: Literal["sha1", "sha256", "sha384", "sha512", "md5"] = "sha256"
    key: str
    parts: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    separator: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    header: str | None = None
    query: str | None = None
    value: str = "{signature}"

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.header is None) == (self.query is None):
            raise ValueError("has a header or a query, one of them")
        return self


class AuthForm(Form):
    """Who we are to the carrier: one of these. A body that holds our name and password needs none."""

    basic: BasicForm | None = None
    bearer: str | None = None
    headers: dict[str, str] | None = None
    query: dict[str, str] | None = None
    signature: SignatureForm | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("is one of basic, bearer, headers, query, signature")
        return self


class BodyForm(Form):
    """What is in a request's body: one of these."""

    json_: Annotated[Any, Field(alias="json")] = None
    form: Any = None
    xml: Any = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("is one of json, form, xml")
        return self


class RequestForm(Form):
    """A request: its parts are templates. Of several URLs the next is tried where one cannot be reached."""

    method: Literal["GET", "POST"] = "POST"
    urls: Annotated[tuple[str, ...], Field(min_length=1, max_length=8), BeforeValidator(as_texts)]
    headers: dict[str, Any] = Field(default_factory=dict)
    query: dict[str, Any] = Field(default_factory=dict)
    body: BodyForm | None = None

    @model_validator(mode="after")
    def _a_get_has_no_body(self) -> Self:
        if self.method == "GET" and self.body is not None:
            raise ValueError("a GET has no body")
        return self


class IdempotencyForm(Form):
    """By what the carrier knows a request that it has had before; `means` are words for people."""

    means: Words
