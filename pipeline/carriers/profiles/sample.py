"""Settings to try a profile with where there are none yet."""

from collections.abc import Mapping
from typing import Final

from pipeline.carriers.profile_form.parameters import ParameterKind
from pipeline.carriers.profiles.profile import CarrierProfile

SAMPLE_URL: Final = "https://carrier.example"


def sample_settings(
    profile: CarrierProfile, url: str, parameters: Mapping[str, str]
) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return an address, parameters and secrets: what is given, and a sample of what is needed and not given."""
    form = profile.form
    samples = {
        name: "1" if it.kind is ParameterKind.NUMBER else it.choices[0] if it.choices else _sample(name, it.kind)
        for name, it in form.parameters.items()
        if it.needed
    }
    secrets = {name: f"<{name}>" for name, it in form.secrets.items() if not it.optional}
    return url or form.default_url or SAMPLE_URL, samples | dict(parameters), secrets


def _sample(name: str, kind: ParameterKind) -> str:
    return SAMPLE_URL if kind is ParameterKind.URL else f"<{name}>"
