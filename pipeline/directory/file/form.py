"""What a directory file may hold. Attributes that are left out take the defaults written here.

A list that is left out altogether says nothing about its entries, an empty one says that there are none: the
difference counts when absent entries are to be deleted.
"""

from decimal import Decimal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from schemas.address import Msisdn
from schemas.directory.account import NumberCheck
from schemas.directory.callback_options import CallbackEvent
from schemas.directory.carrier import InDoubtPolicy
from schemas.directory.people import Invitation, PanelRole, SecondFactor
from schemas.identifiers import Uuid
from schemas.text.smart_encoding import SmartEncoding


class _Form(BaseModel):
    # Values come as text; an attribute that nobody knows is a typing error.
    model_config = ConfigDict(extra="forbid", frozen=True)


class DidForm(_Form):
    """A number of the account in whose list it stands."""

    number: Msisdn
    p2p_enabled: bool = False


class SenderForm(_Form):
    """A sender of the account in whose list it stands: the one with this id, else the one with this address."""

    id: Uuid | None = None
    address: str
    countries: tuple[str, ...] | None = None


class CredentialForm(_Form):
    """`schemas.directory.trunk.PasswordVerifier`."""

    username: str
    version: int
    hmac: str
    sealed: str
    key_id: str
    valid_until: AwareDatetime | None = None


class CallbackSecretForm(_Form):
    """`schemas.directory.trunk.CallbackSecret`."""

    secret: str
    valid_until: AwareDatetime | None = None


class SecretForm(_Form):
    """A secret of a carrier, or of a trunk's callbacks: in clear (`value`), or sealed as an export has it."""

    name: str
    value: str | None = None
    sealed: str | None = None
    key_id: str | None = None


class CallbackOptionsForm(_Form):
    """`schemas.directory.callback_options.CallbackOptions`. Secrets that are left out stay as they are."""

    events: tuple[CallbackEvent, ...] | None = None
    headers: dict[str, str] | None = None
    username: str | None = None
    ca: str | None = None
    client_certificate: str | None = None
    secrets: tuple[SecretForm, ...] | None = None
    failover_url: str | None = None
    failover_after: int | None = None
    batch: bool | None = None


class TrunkForm(_Form):
    """A trunk of the account in whose list it stands: the one with this id, else the one with this name.

    Credentials and secrets that are left out stay as they are; a new trunk gets new ones. So does
    `callback_disabled_at`, as long as the callback URL stays; with another one nothing is disabled.
    """

    id: Uuid | None = None
    name: str
    callback_url: str | None = None
    callback_disabled_at: AwareDatetime | None = None
    callbacks: CallbackOptionsForm | None = None
    allowed_ips: tuple[str, ...] = ()
    allow_any_did: bool = True
    allowed_sources: tuple[str, ...] = ()
    blocked: bool = False
    receipts_enabled: bool = False
    segments_per_second: int | None = None
    refused_countries: tuple[str, ...] | None = None
    requests_per_second: int | None = None
    smart_encoding: SmartEncoding | None = None
    segments_per_day: int | None = None
    spend_per_day: Decimal | None = None
    spend_currency: str | None = None
    messages_per_number: int | None = None
    number_window_minutes: int | None = None
    messages_per_range: int | None = None
    range_window_minutes: int | None = None
    same_text_minutes: int | None = None
    credentials: tuple[CredentialForm, ...] | None = None
    callback_secrets: tuple[CallbackSecretForm, ...] | None = None
    created_at: AwareDatetime | None = None
    deleted_at: AwareDatetime | None = None


class CampaignForm(_Form):
    """A campaign of the account in whose list it stands: the one with this id, else the one with this name.

    `trunks` are those of the account, each by name or id.
    """

    id: Uuid | None = None
    name: str
    blocked: bool = False
    senders: tuple[str, ...]
    trunks: tuple[str, ...]


class UserForm(_Form):
    """A person of the account in whose list it stands, or an operator: known by id, else by email."""

    id: Uuid | None = None
    email: str
    role: PanelRole
    password_hash: str
    blocked: bool = False
    second_factor: SecondFactor | None = None
    invitation: Invitation | None = None
    """Both stay as they are when they are left out."""


class ApiKeyForm(_Form):
    """An API key of the account in whose list it stands, or an operator's: known by id, else by digest."""

    id: Uuid | None = None
    name: str
    role: PanelRole
    digest: str
    hint: str
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class AccountForm(_Form):
    """An account: the one with this id, else the one with this name."""

    id: Uuid | None = None
    name: str
    blocked: bool = False
    number_check: NumberCheck | None = None
    store_texts: bool | None = None
    segments_per_second: int | None = None
    requests_per_second: int | None = None
    segments_per_day: int | None = None
    spend_per_day: Decimal | None = None
    spend_currency: str | None = None
    messages_per_number: int | None = None
    number_window_minutes: int | None = None
    messages_per_range: int | None = None
    range_window_minutes: int | None = None
    same_text_minutes: int | None = None
    dids: tuple[DidForm, ...] | None = None
    senders: tuple[SenderForm, ...] | None = None
    trunks: tuple[TrunkForm, ...] | None = None
    campaigns: tuple[CampaignForm, ...] | None = None
    users: tuple[UserForm, ...] | None = None
    api_keys: tuple[ApiKeyForm, ...] | None = None


class CarrierForm(_Form):
    """A carrier: the one with this id, else the one with this name. Secrets that are left out stay as they are."""

    id: Uuid | None = None
    name: str
    url: str = ""
    blocked: bool = False
    in_doubt_policy: InDoubtPolicy = InDoubtPolicy.GIVE_UP
    max_in_flight: int = 64
    timeout_seconds: float = 30.0
    segments_per_second: int | None = None
    burst: int | None = None
    profile: str | None = None
    parameters: dict[str, str] | None = None
    secrets: tuple[SecretForm, ...] | None = None


class ProfileForm(_Form):
    """A profile of one's own; `text` is YAML in YAML."""

    id: str
    text: str


class RouteForm(_Form):
    """A route to a carrier, perhaps for one account, both given by name or id: the one with this id, else the one with
    these prefixes, this account and carrier.
    """

    id: Uuid | None = None
    destination_prefix: str = ""
    source_prefix: str | None = None
    account: str | None = None
    carrier: str
    priority: int = 0
    weight: int | None = None
    short_codes: bool | None = None
    price_per_segment: Decimal | None = None
    currency: str | None = None
    blocked: bool = False


class DirectoryForm(_Form):
    """The whole file."""

    accounts: tuple[AccountForm, ...] | None = None
    profiles: tuple[ProfileForm, ...] | None = None
    carriers: tuple[CarrierForm, ...] | None = None
    routes: tuple[RouteForm, ...] | None = None
    operators: tuple[UserForm, ...] | None = None
    operator_api_keys: tuple[ApiKeyForm, ...] | None = None
