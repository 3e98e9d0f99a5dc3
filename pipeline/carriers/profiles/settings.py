"""A carrier's parameters and secrets, held against what its profile asks for."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from pipeline.carriers.profile_form.parameters import ParameterForm, ParameterKind
from pipeline.carriers.profile_form.profile import ProfileForm
from pipeline.carriers.templates.variables import KINDS, POLLED, Kind, Value
from schemas.urls import url_problem

URL: Final = "url"
"""The name by which templates speak of the carrier's own address."""

Problem = tuple[str, str]


def template_kinds(form: ProfileForm, of_message: Mapping[str, Kind] = KINDS) -> dict[str, Kind]:
    """Return every name that the templates of a profile may speak of; `of_message` are those of a message."""
    kinds = dict(of_message) | {URL: Kind.TEXT}
    for name, parameter in form.parameters.items():
        kinds[name] = Kind.NUMBER if parameter.kind is ParameterKind.NUMBER else Kind.TEXT
    return kinds | dict.fromkeys(form.secrets, Kind.TEXT)


def addresses(form: ProfileForm) -> frozenset[str]:
    """Return the names that hold an address: only they can begin a URL."""
    return frozenset((URL, *(name for name, it in form.parameters.items() if it.kind is ParameterKind.URL)))


def names_problems(form: ProfileForm) -> Iterator[Problem]:
    """Iterate over names of parameters and secrets that mean something else already."""
    for where, names in (("parameters", form.parameters), ("secrets", form.secrets)):
        for name in names:
            if name in KINDS or name in POLLED or name == URL or (where == "secrets" and name in form.parameters):
                yield f"{where}.{name}", "is the name of something else"


def settings_problems(
    form: ProfileForm, url: str, parameters: Mapping[str, str], secrets: Collection[str]
) -> Iterator[Problem]:
    """Iterate over what is wrong with a carrier's settings: the attribute (`parameters/<name>`), and why."""
    if url:
        if (problem := url_problem(url)) is not None:
            yield "url", problem
    elif form.default_url is None:
        yield "url", "must not be empty: the profile names no address"
    for name, value in parameters.items():
        known = form.parameters.get(name)
        if known is None:
            yield f"parameters/{name}", "is no parameter of the profile"
        elif (problem := _value_problem(known, value)) is not None:
            yield f"parameters/{name}", problem
    for name, parameter in form.parameters.items():
        if parameter.needed and not parameters.get(name):
            yield f"parameters/{name}", "is needed by the profile"
    for name in secrets:
        if name not in form.secrets:
            yield f"secrets/{name}", "is no secret of the profile"
    for name, secret in form.secrets.items():
        if name not in secrets and not secret.optional:
            yield f"secrets/{name}", "is needed by the profile"


def _value_problem(parameter: ParameterForm, value: str) -> str | None:
    if not value:
        return None
    if parameter.kind is ParameterKind.URL:
        return url_problem(value)
    if parameter.kind is ParameterKind.NUMBER and not (value.isascii() and value.isdecimal() and len(value) < 16):
        return "must be a number"
    if parameter.kind is ParameterKind.CHOICE and value not in parameter.choices:
        return f"must be one of {', '.join(parameter.choices)}"
    return None


def constants(
    form: ProfileForm, url: str, parameters: Mapping[str, str], secrets: Mapping[str, str]
) -> dict[str, Value]:
    """Return what templates can know before there is a message. The settings must have no problems."""
    known: dict[str, Value] = {URL: url or form.default_url}
    for name, parameter in form.parameters.items():
        value = parameters.get(name) or parameter.default
        known[name] = int(value) if value and parameter.kind is ParameterKind.NUMBER else value
    return known | {name: secrets.get(name) for name in form.secrets}


def cases(form: ProfileForm) -> dict[str, tuple[str, ...]]:
    """Return what `$case` can ask about parameters."""
    return {name: it.choices for name, it in form.parameters.items() if it.kind is ParameterKind.CHOICE}
