"""Valid entries for tests of the directory's writing side, and the means to put them into one."""

from datetime import UTC, datetime
from typing import Any

from pipeline.directory.credentials import PasswordSealer, SealingKey
from pipeline.directory.model import Directory
from schemas.directory.account import Account, Did
from schemas.directory.carrier import Carrier, Route
from schemas.directory.entry import KINDS, DirectoryEntry, key_of
from schemas.directory.people import ApiKey, PanelRole, PanelUser
from schemas.directory.trunk import CallbackSecret, PasswordVerifier, Trunk

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 2, 1, tzinfo=UTC)
SECRET = "whsec_" + "c2VjcmV0" * 4
OTHER_SECRET = "whsec_" + "b3RoZXIh" * 4
PEPPER = b"pepper of at least 32 characters"
SEALER = PasswordSealer([SealingKey("k", b"k" * 32)])


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def account(number: int = 1, **values: Any) -> Account:
    return Account(**{"id": uuid(number), "name": f"account {number}"} | values)


def did(number: str = "12125551234", **values: Any) -> Did:
    defaults: dict[str, Any] = {"number": number, "account_id": uuid(1), "p2p_enabled": True}
    return Did(**defaults | values)


def credential(username: str = "username-11", version: int = 1, **values: Any) -> PasswordVerifier:
    sealed = SEALER.seal(uuid(11), version, "password")
    defaults: dict[str, Any] = {"hmac": f"{version:064x}", "sealed": sealed, "key_id": "k"}
    return PasswordVerifier(username=username, version=version, **defaults | values)


def secret(text: str = SECRET, **values: Any) -> CallbackSecret:
    return CallbackSecret(secret=text, **values)


def trunk(number: int = 11, **values: Any) -> Trunk:
    defaults: dict[str, Any] = {
        "id": uuid(number),
        "account_id": uuid(1),
        "name": f"trunk {number}",
        "callback_url": "https://example.com/callback",
        "credentials": (credential(f"username-{number}"),),
        "callback_secrets": (secret(),),
        "created_at": CREATED,
    }
    return Trunk(**defaults | values)


def carrier(number: int = 21, **values: Any) -> Carrier:
    return Carrier(**{"id": uuid(number), "name": f"carrier {number}", "url": "https://example.net/sms"} | values)


def route(number: int = 31, **values: Any) -> Route:
    return Route(**{"id": uuid(number), "carrier_id": uuid(21)} | values)


def user(number: int = 41, **values: Any) -> PanelUser:
    defaults = {"account_id": uuid(1), "email": f"user{number}@example.com", "role": PanelRole.OWNER}
    return PanelUser(**{"id": uuid(number), "password_hash": "$argon2id$x"} | defaults | values)


def api_key(number: int = 51, **values: Any) -> ApiKey:
    defaults: dict[str, Any] = {"account_id": uuid(1), "name": f"api key {number}", "role": PanelRole.MEMBER}
    return ApiKey(id=uuid(number), digest=f"{number:064x}", hint="hint", created_at=CREATED, **defaults | values)


def directory(*entries: DirectoryEntry) -> Directory:
    held = Directory()
    for offset, entry in enumerate(entries):
        held.apply(key_of(entry), entry.to_bytes(), offset)
    return held


def contents(held: Directory) -> set[DirectoryEntry]:
    return {entry for kind in KINDS.values() for entry in held.entries(kind)}  # type: ignore[type-var]
