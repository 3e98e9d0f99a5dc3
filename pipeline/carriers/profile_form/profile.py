"""The whole of a profile."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.alphabets.national import TABLES
from pipeline.carriers.profile_form.answers import Rules
from pipeline.carriers.profile_form.base import Form, Slug, Words, as_texts
from pipeline.carriers.profile_form.limits import LimitsForm, ValidityForm
from pipeline.carriers.profile_form.parameters import ParameterForm, SecretForm
from pipeline.carriers.profile_form.questions import QueryForm
from pipeline.carriers.profile_form.receipts import ReceiptsForm
from pipeline.carriers.profile_form.requests import AuthForm, IdempotencyForm, RequestForm, TlsForm

Tables = Annotated[
    tuple[Literal["single", "locking"], ...], BeforeValidator(as_texts), Field(min_length=1, max_length=2)
]
"""Which shift tables of a national language."""


def _there_are(tables: dict[str, Tables]) -> dict[str, Tables]:
    for language, taken in tables.items():
        if language not in TABLES:
            raise ValueError(f"{language} is no language that has tables: {', '.join(TABLES)}")
        for table in taken:
            if table not in TABLES[language]:
                raise ValueError(f"there is no {table} shift table of {language}")
    return tables


class ProfileForm(Form):
    """The whole profile. `national_tables` are those that the carrier takes (3GPP TS 23.038 annex A)."""

    version: Literal["1"]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    about: Words
    sources: Annotated[dict[str, Words], Field(max_length=50)] = Field(default_factory=dict)
    unverified: Annotated[tuple[Words, ...], Field(max_length=50)] = ()
    sends: Literal["segments", "whole_text"] = "segments"
    national_tables: Annotated[dict[str, Tables], AfterValidator(_there_are)] = Field(default_factory=dict)
    default_url: str | None = None
    parameters: Annotated[dict[Slug, ParameterForm], Field(max_length=50)] = Field(default_factory=dict)
    secrets: Annotated[dict[Slug, SecretForm], Field(max_length=20)] = Field(default_factory=dict)
    tls: TlsForm | None = None
    validity: ValidityForm = ValidityForm()
    limits: LimitsForm = LimitsForm()
    auth: AuthForm | None = None
    trace_context: bool = False
    request: RequestForm
    answers: Rules
    idempotency: IdempotencyForm | None = None
    query: QueryForm | None = None
    receipts: ReceiptsForm | None = None
