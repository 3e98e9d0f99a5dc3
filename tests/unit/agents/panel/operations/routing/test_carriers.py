"""A carrier's profile, parameters and secrets: sealed, kept, shown nowhere, and refused with the attribute."""

import dataclasses
from typing import Final

import pytest

from agents.panel.operations.routing.carriers import CarrierSettings
from pipeline.directory.carrier_secrets import CarrierSealer, secrets_of
from pipeline.directory.key_file import SealingKey
from pipeline.errors import RuleViolated
from schemas.directory.carrier import InDoubtPolicy
from schemas.directory.people import PanelRole
from tests.builders import PROFILE_TEXT, profile
from tests.unit.agents.panel.office import Office

SEALER: Final = CarrierSealer([SealingKey("k", b"k" * 32)])
TWILIO: Final[CarrierSettings] = {"name": "Twilio", "profile": "twilio"}


@pytest.fixture
def sealing(office: Office) -> Office:
    """The office with a key for carriers' secrets."""
    office.operations.carriers._keys = dataclasses.replace(office.keys, carrier_sealer=SEALER)
    return office


async def test_secrets_are_sealed_and_stay(sealing: Office) -> None:
    """Nobody sees them again, a form without them keeps them, and the audit log has their names alone."""
    operator, carriers = sealing.actor(PanelRole.OPERATOR), sealing.operations.carriers
    made, _ = await carriers.create(
        operator, {**TWILIO, "parameters": {"account_sid": "AC0"}, "secrets": {"auth_token": "geheim"}}
    )
    assert secrets_of(made, SEALER) == {"auth_token": "geheim"}
    assert "geheim" not in repr(made)
    renamed, _ = await carriers.update(operator, made.id, {"name": "Other"})
    assert (renamed.secrets, renamed.parameters) == (made.secrets, {"account_sid": "AC0"})
    changed, _ = await carriers.update(operator, made.id, {"secrets": {"auth_token": "neu"}})
    assert secrets_of(changed, SEALER) == {"auth_token": "neu"}
    written = b"".join(event.to_bytes() for event in sealing.store.newest())
    assert b"auth_token (hidden)" in written
    assert b"geheim" not in written
    assert made.secrets is not None
    assert made.secrets[0].sealed.encode() not in written


async def test_another_profile_takes_nothing_over(sealing: Office) -> None:
    """Parameters and secrets that it does not ask for go."""
    operator, carriers = sealing.actor(PanelRole.OPERATOR), sealing.operations.carriers
    made, _ = await carriers.create(
        operator, {**TWILIO, "parameters": {"account_sid": "AC0"}, "secrets": {"auth_token": "geheim"}}
    )
    changed, _ = await carriers.update(operator, made.id, {"profile": "", "url": "https://carrier.example"})
    assert (changed.profile, changed.parameters, changed.secrets) == (None, None, None)


async def test_without_a_key_there_are_no_secrets(office: Office) -> None:
    """The problem says which setting is missing."""
    with pytest.raises(RuleViolated) as refused:
        await office.operations.carriers.create(
            office.actor(PanelRole.OPERATOR), {**TWILIO, "secrets": {"auth_token": "geheim"}}
        )
    [(where, what)] = refused.value.problems
    assert where == "secrets/auth_token"
    assert "SMSOUT_CARRIER_KEY_FILE" in what


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"profile": "nobody"}, "profile"),
        ({"profile": "twilio", "secrets": {"auth_token": "t"}}, "parameters/account_sid"),
        ({"profile": "twilio", "parameters": {"account_sid": "A"}}, "secrets/auth_token"),
        ({"profile": "", "parameters": {"colour": "red"}}, "parameters/colour"),
        ({"profile": "", "url": ""}, "url"),
        ({"profile": "", "url": "ftp://x"}, "url"),
        ({"profile": "telnyx", "secrets": {"api_key": "k"}, "in_doubt_policy": InDoubtPolicy.QUERY}, "in_doubt_policy"),
        (
            {"profile": "telnyx", "secrets": {"api_key": "k"}, "in_doubt_policy": InDoubtPolicy.RESEND_WITH_KEY},
            "in_doubt_policy",
        ),
    ],
)
async def test_what_does_not_fit_the_profile_is_refused(
    sealing: Office, settings: dict[str, object], where: str
) -> None:
    """At the attribute."""
    wanted = {"name": "new", "url": "https://carrier.example", **settings}
    with pytest.raises(RuleViolated) as refused:
        await sealing.operations.carriers.create(sealing.actor(PanelRole.OPERATOR), wanted)  # type: ignore[arg-type]
    assert [place for place, _ in refused.value.problems] == [where]


async def test_a_profile_that_carriers_use_stays_fit_for_them(sealing: Office) -> None:
    """It can be changed, but not so that one of them could not go on; and not removed."""
    operator, operations = sealing.actor(PanelRole.OPERATOR), sealing.operations
    await operations.profiles.create(operator, {"id": "plain", "text": PROFILE_TEXT})
    await operations.carriers.create(operator, {"name": "uses it", "url": "https://c.example", "profile": "plain"})
    needs_more, wrong = PROFILE_TEXT + "parameters: {account: {about: An account.}}\n", PROFILE_TEXT + "colour: red\n"
    for text, problem in (
        (needs_more, "'uses it' could not go on"),
        (wrong, "line 10 (colour)"),
    ):
        with pytest.raises(RuleViolated, match="text") as refused:
            await operations.profiles.update(operator, "plain", {"text": text})
        assert problem in str(refused.value)
    await operations.profiles.update(operator, "plain", {"text": PROFILE_TEXT + "# the same\n"})
    with pytest.raises(RuleViolated, match="still uses it"):
        await operations.profiles.delete(operator, "plain")


async def test_names_of_profiles_are_taken_once(sealing: Office) -> None:
    """Neither one of the product's nor one's own."""
    operator = sealing.actor(PanelRole.OPERATOR)
    sealing.add(profile())
    for name in ("plain", "twilio", "Not A Name", ""):
        with pytest.raises(RuleViolated) as refused:
            await sealing.operations.profiles.create(operator, {"id": name, "text": PROFILE_TEXT})
        assert {place for place, _ in refused.value.problems} == {"id"}, name
