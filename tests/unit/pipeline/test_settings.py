"""Settings from the environment: lists as people write them, limits, and secrets that are not shown."""

import inspect
import os
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings

from pipeline import settings
from pipeline.settings import (
    AgentSettings,
    CallbackSettings,
    DatabaseSettings,
    IngressSettings,
    KafkaSettings,
    MessageSettings,
    PepperSettings,
    RetrySettings,
    TopicSettings,
)
from schemas.topics import CALLBACK_DELAYS_SECONDS

PEPPER = "p3pp3r-p3pp3r-p3pp3r-p3pp3r-p3pp3r"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SMSOUT_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", ()),
        ("10.0.0.0/8", ("10.0.0.0/8",)),
        ("10.0.0.0/8,::1/128", ("10.0.0.0/8", "::1/128")),
        (" 10.0.0.0/8 , ,[::1]:80,", ("10.0.0.0/8", "[::1]:80")),
    ],
)
def test_lists_are_separated_by_commas(text: str, networks: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces and empty parts do not matter; no JSON is needed."""
    monkeypatch.setenv("SMSOUT_INGRESS_TRUSTED_PROXIES", text)
    monkeypatch.setenv("SMSOUT_CALLBACK_ALLOWED_ADDRESSES", text)
    assert (IngressSettings().trusted_proxies, CallbackSettings().allowed_addresses) == (networks, networks)


def test_delays_are_whole_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for numbers; without the setting the schedule is the documented one."""
    assert RetrySettings().callback_delays_seconds == CALLBACK_DELAYS_SECONDS
    monkeypatch.setenv("SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS", "1, 2,30")
    assert RetrySettings().callback_delays_seconds == (1, 2, 30)


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        (RetrySettings, "SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS", "5, x"),
        (RetrySettings, "SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS", "0"),
        (RetrySettings, "SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS", ""),
        (RetrySettings, "SMSOUT_RETRY_CALLBACK_DELAYS_SECONDS", " , "),
        (RetrySettings, "SMSOUT_RETRY_MT_DELAYS_SECONDS", ""),
        (RetrySettings, "SMSOUT_RETRY_MT_DELAYS_SECONDS", "604801"),
        (RetrySettings, "SMSOUT_RETRY_MT_DELAYS_SECONDS", "[5, 30]"),
        (IngressSettings, "SMSOUT_INGRESS_PORT", "65536"),
        (IngressSettings, "SMSOUT_INGRESS_MAX_OUTSTANDING", "0"),
        (AgentSettings, "SMSOUT_METRICS_PORT", "-1"),
        (AgentSettings, "SMSOUT_LOG_LEVEL", "loud"),
        (TopicSettings, "SMSOUT_TOPICS_PARTITIONS", "0"),
        (MessageSettings, "SMSOUT_MESSAGE_MAX_SEGMENTS", "256"),
        (KafkaSettings, "SMSOUT_KAFKA_SECURITY_PROTOCOL", "TLS"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(
    group: type[BaseSettings], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, before any work."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        group()


def test_the_pepper_has_no_default() -> None:
    """An installation must not run on a secret that everybody knows."""
    with pytest.raises(ValidationError, match="pepper"):
        PepperSettings()


@pytest.mark.parametrize("pepper", ["", "s3cr3", "x" * 31])
def test_a_pepper_that_could_be_guessed_is_refused(pepper: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to do, and does not quote it: it ends up in a log."""
    monkeypatch.setenv("SMSOUT_PEPPER", pepper)
    with pytest.raises(ValidationError, match=r"SMSOUT_PEPPER must be at least 32.*openssl") as refused:
        PepperSettings()
    assert not pepper or pepper not in str(refused.value)


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by str nor by repr nor as JSON: settings may end up in a log."""
    monkeypatch.setenv("SMSOUT_PEPPER", PEPPER)
    monkeypatch.setenv("SMSOUT_KAFKA_SASL_PASSWORD", PEPPER)
    pepper = PepperSettings()
    for group in (pepper, KafkaSettings()):
        for shown in (str(group), repr(group), group.model_dump_json()):
            assert PEPPER not in shown
    assert pepper.pepper.get_secret_value() == PEPPER


def groups() -> list[type[BaseSettings]]:
    found = [it for _, it in inspect.getmembers(settings, inspect.isclass) if issubclass(it, BaseSettings)]
    return [it for it in found if it is not BaseSettings]


@pytest.mark.parametrize("group", groups())
def test_what_sounds_like_a_secret_is_one(group: type[BaseSettings]) -> None:
    """A new password in the settings must be a SecretStr."""
    for name, field in group.model_fields.items():
        if name.endswith("_file"):
            continue  # where one is, which may be told
        if any(word in name for word in ("password", "secret", "pepper", "token")):
            assert field.annotation in (SecretStr, SecretStr | None), name


def test_no_two_groups_read_the_same_variable_with_different_meaning() -> None:
    """Prefixes nest (SMSOUT_ and SMSOUT_INGRESS_), so names could meet."""
    names = [
        (f"{group.model_config.get('env_prefix', '')}{name}".upper(), group.__name__)
        for group in groups()
        for name in group.model_fields
    ]
    assert len(names) == len({name for name, _ in names})


def test_the_databases_url_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the variable has none; an empty one, as a compose file leaves it, is none."""
    file = tmp_path / "url"
    file.write_text("postgresql://smsout:secret@postgres/smsout\n")
    monkeypatch.setenv("SMSOUT_DATABASE_URL", "")
    assert DatabaseSettings().database_url is None
    monkeypatch.setenv("SMSOUT_DATABASE_URL_FILE", str(file))
    assert DatabaseSettings().database_url == SecretStr("postgresql://smsout:secret@postgres/smsout")
    monkeypatch.setenv("SMSOUT_DATABASE_URL", "sqlite:///elsewhere")
    assert DatabaseSettings().database_url == SecretStr("sqlite:///elsewhere")
    monkeypatch.delenv("SMSOUT_DATABASE_URL")
    monkeypatch.setenv("SMSOUT_DATABASE_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(ValidationError, match="SMSOUT_DATABASE_URL_FILE cannot be read"):
        DatabaseSettings()
