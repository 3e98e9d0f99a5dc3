"""Keys that sign, verify and seal. Whoever needs none of them reads none of them."""

from pathlib import Path
from typing import Final

from pydantic import SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.settings.values import with_file

MIN_KEY_LENGTH: Final = 32


def _too_short(key: str, advice: str) -> str | None:
    """Say why a text is no key, and what to do; or None. The text is not quoted."""
    if len(key) >= MIN_KEY_LENGTH:
        return None
    return f"must be at least {MIN_KEY_LENGTH} random characters, and it has {len(key)}{advice}"


def weak_pepper(pepper: str) -> str | None:
    """Say why a text is no pepper, and what to do; or None. The text is not quoted."""
    return _too_short(
        pepper,
        ". Give back the one that the passwords were made with; for a new installation "
        "`openssl rand -base64 32` makes one",
    )


def weak_receipt_key(key: str) -> str | None:
    """Say why a text is no receipt key, and what to do; or None. The text is not quoted."""
    return _too_short(key, ": `openssl rand -base64 32` makes one")


class PepperSettings(BaseSettings):
    """The key of the password verifiers: ingress, message_log and the directory's writer have it, nobody else."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_", hide_input_in_errors=True)

    pepper: SecretStr
    """At least 32 random characters; changing it invalidates every trunk password."""
    pepper_file: Path | None = None
    """A file that holds it, where the variable does not."""

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, values: dict[str, object]) -> dict[str, object]:
        """Take the pepper out of the file."""
        return with_file(values, "pepper")

    @field_validator("pepper")
    @classmethod
    def _is_strong(cls, pepper: SecretStr) -> SecretStr:
        """Refuse what could be guessed: whoever reads the directory could then find out passwords."""
        if (problem := weak_pepper(pepper.get_secret_value())) is not None:
            raise ValueError(f"SMSOUT_PEPPER {problem}")
        return pepper


class ReceiptKeySettings(BaseSettings):
    """The key that signs where carriers post receipts to: ingress and delivery have it, and it is the same for both."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_", hide_input_in_errors=True)

    receipt_key: SecretStr
    """At least 32 random characters; with another one, receipts of what is on its way are refused."""
    receipt_key_file: Path | None = None
    """A file that holds it, where the variable does not."""

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, values: dict[str, object]) -> dict[str, object]:
        """Take the key out of the file."""
        return with_file(values, "receipt_key")

    @field_validator("receipt_key")
    @classmethod
    def _is_strong(cls, key: SecretStr) -> SecretStr:
        """Refuse what could be guessed: anybody could then make up receipts."""
        if (problem := weak_receipt_key(key.get_secret_value())) is not None:
            raise ValueError(f"SMSOUT_RECEIPT_KEY {problem}")
        return key


class PanelKeySettings(BaseSettings):
    """The key that reveals trunk passwords: panel and `smsout directory apply` have it, ingress must not."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_")

    key_file: Path
    """Made on first use, readable by its owner alone. Without it passwords still work, but nobody can see them."""


class CarrierKeySettings(BaseSettings):
    """The key of carriers' secrets: the directory's writer seals with it, delivery and receipts open."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_CARRIER_")

    key_file: Path | None = None
    """Made on first use by panel or `smsout directory apply`. Without it carriers cannot have secrets."""


class CallbackKeySettings(BaseSettings):
    """The key of what trunks' callbacks show who they are by: the directory's writer seals with it, callback opens."""

    model_config = SettingsConfigDict(env_prefix="SMSOUT_CALLBACK_")

    key_file: Path | None = None
    """Made on first use by panel or `smsout directory apply`. Without it callbacks cannot have credentials."""
