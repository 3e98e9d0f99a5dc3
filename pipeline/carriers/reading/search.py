"""What a profile says about where a value is, and what must be true of it, becomes a function."""

from collections.abc import Callable, Iterable

from pipeline.carriers.profile_form.answers import ConditionForm, SourceForm
from pipeline.carriers.reading.document import Document, Find, by_field, by_pattern, by_pointer, by_xpath
from pipeline.carriers.reading.pattern import Pattern
from pipeline.carriers.templates.placeholders import BadTemplate

Path = tuple[str | int, ...]
Holds = Callable[[Document], bool]


def finder(form: SourceForm, path: Path) -> Find:
    """Return what finds the values. Raises `BadTemplate`."""
    find = _found_by(form, path)
    if form.pattern is None:
        return find
    pattern = compiled(form.pattern, (*path, "pattern"))
    return lambda document: [part for it in find(document) if (part := pattern.found(it)) is not None]


def _found_by(form: SourceForm, path: Path) -> Find:
    if form.field is not None:
        return by_field(form.field)
    if form.text is not None:
        return by_pattern(compiled(form.text, (*path, "text")))
    name = "xpath" if form.json_ is None else "json"
    try:
        return by_xpath(form.xpath or "") if form.json_ is None else by_pointer(form.json_)
    except ValueError as error:
        raise BadTemplate(str(error), (*path, name)) from None


def compiled(text: str, path: Path) -> Pattern:
    """Return a pattern. Raises `BadTemplate`."""
    try:
        return Pattern(text)
    except ValueError as error:
        raise BadTemplate(str(error), path) from None


def condition(form: ConditionForm, path: Path) -> Holds:
    """Return what tells whether a document meets one condition. Raises `BadTemplate`."""
    find = finder(form, path)
    if form.absent:
        return lambda document: not find(document)
    if form.equals is not None:
        wanted = frozenset(form.equals)
        fits: Callable[[str], bool] = wanted.__contains__
    elif form.matches is not None:
        pattern = compiled(form.matches, (*path, "matches"))
        fits = lambda text: pattern.found(text) is not None  # noqa: E731  # one of two ways to say the same
    else:
        return lambda document: bool(find(document))
    quantified: Callable[[Iterable[bool]], bool] = any if form.any else all

    def holds(document: Document) -> bool:
        found = find(document)
        return bool(found) and quantified([fits(it) for it in found])

    return holds


def conditions(forms: tuple[ConditionForm, ...], path: Path) -> tuple[Holds, ...]:
    """Return all of them. Raises `BadTemplate`."""
    return tuple(condition(form, (*path, index)) for index, form in enumerate(forms))
