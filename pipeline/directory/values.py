"""What the values of one entry must look like; rules that need other entries are in `directory_rules`."""

import base64
import unicodedata
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface
from typing import Final

from pipeline.errors import RuleViolated
from schemas.directory.trunk import Trunk

_ZWJ: Final = "\u200d"
_JOINERS: Final = frozenset({"\u200c", _ZWJ})
_EMOJI: Final = frozenset({"So", "Sk", "Mn"})  # a symbol, a skin tone, or the mark that asks for colours
_CASELESS: Final = frozenset({"Lo", "Lm", "Mn", "Mc"})  # Arabic, Persian, the scripts of India
# Letters and symbols by their category, and nothing to see all the same.
_WITHOUT_WIDTH: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f")
_LONGEST_NETWORK: Final = 90  # two IPv6 addresses in full, one of them as a mask
_MAPPED_PREFIX: Final = 96  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
_SMALLEST_SEALED: Final = 12 + 1 + 16  # nonce, one byte, GCM tag


def name_key(name: str) -> str:
    """Return `name` as it is compared: without outer and double spaces, upper and lower case alike."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def name_problem(name: str) -> str | None:
    """Say what is wrong with a name that people read, or None."""
    if not name.strip():
        return "must not be empty"
    if name != name.strip():
        return "must not begin or end with a space"
    for index, character in enumerate(name):
        category = unicodedata.category(character)
        if category in ("Cc", "Cs", "Zl", "Zp"):
            return "must not hold line breaks or other control characters"
        if (category == "Cf" or character in _WITHOUT_WIDTH) and not _joins(name, index):
            words = unicodedata.name(character, "a format character")
            return (
                f"must not hold U+{ord(character):04X} {words} (character {index + 1}): nobody can see it; leave it out"
            )
    return None


def _joins(name: str, index: int) -> bool:
    """Tell whether a joiner does its work here: inside an emoji, or between letters of a script that needs it."""
    if name[index] not in _JOINERS or not 0 < index < len(name) - 1:
        return False
    kinds = {unicodedata.category(name[place]) for place in (index - 1, index + 1)}
    before = unicodedata.category(name[index - 1])
    return (before in _EMOJI and name[index] == _ZWJ) or kinds <= _CASELESS


def normalize_networks(entries: Iterable[str]) -> tuple[str, ...]:
    """Return `(IPv4|IPv6)[/mask]` entries in CIDR form, without repetitions, in their order.

    Bits below the mask are cleared; IPv4 inside IPv6 becomes IPv4. Raises `RuleViolated` with a problem
    (`allowed_ips/<index>`) for every bad entry.
    """
    networks: list[str] = []
    problems: list[tuple[str, str]] = []
    for index, entry in enumerate(entries):
        try:
            networks.append(str(_network(entry.strip())))
        except ValueError as error:
            problems.append((f"allowed_ips/{index}", f"{entry[:64]!a} {error}"))
    if problems:
        raise RuleViolated(problems)
    return tuple(dict.fromkeys(networks))


def _network(text: str) -> IPv4Network | IPv6Network:
    """Raises `ValueError` with the end of a sentence that begins with the entry."""
    if len(text) > _LONGEST_NETWORK or "%" in text:
        raise ValueError("is not an IPv4 or IPv6 address or network")
    try:
        written = ip_interface(text)
    except ValueError:
        raise ValueError("is not an IPv4 or IPv6 address or network") from None
    if isinstance(written, IPv6Interface) and (inner := written.ip.ipv4_mapped) is not None:
        length = written.network.prefixlen - _MAPPED_PREFIX
        if length < 0:
            raise ValueError("covers IPv4 addresses and others at once; write them as IPv4")
        written = IPv4Interface((inner, length))
    if written.network.prefixlen == 0 and int(written.ip) != 0:
        raise ValueError("would allow every address; leave the list empty, or write 0.0.0.0/0 or ::/0")
    return written.network


def written_problem(entry: str) -> str | None:
    """Say why an entry of `allowed_ips` is not in CIDR form, or None."""
    try:
        normal = str(_network(entry))
    except ValueError as error:
        return f"{entry[:64]!a} {error}"
    return None if normal == entry else f"must be written as {normal}"


def secret_problems(key: str, before: Trunk | None, trunk: Trunk) -> Iterator[tuple[str, str]]:
    """Iterate over what is wrong with a trunk's passwords and signing secrets; places begin with `key`."""
    yield from _credential_problems(key, before, trunk)
    yield from _callback_secret_problems(key, trunk)


def _credential_problems(key: str, before: Trunk | None, trunk: Trunk) -> Iterator[tuple[str, str]]:
    current, *replaced = trunk.credentials
    if current.valid_until is not None:
        yield f"{key}/credentials/0/valid_until", "the current password has no end"
    for index, credential in enumerate(replaced, start=1):
        if credential.valid_until is None:
            yield f"{key}/credentials/{index}/valid_until", "a replaced password needs an end"
        if credential.version >= current.version:
            yield f"{key}/credentials/{index}/version", "a replaced password has a lower version than the current one"
    for index, credential in enumerate(trunk.credentials):
        if (problem := _sealed_problem(credential.sealed)) is not None:
            yield f"{key}/credentials/{index}/sealed", problem
        if not credential.key_id:
            yield f"{key}/credentials/{index}/key_id", "must not be empty"
    if before is None:
        return
    was = before.credentials[0]
    if current.version < was.version:
        yield f"{key}/credentials/0/version", f"must not go back from {was.version} to {current.version}"
    elif current.version == was.version and (current.username, current.hmac) != (was.username, was.hmac):
        yield f"{key}/credentials/0/version", "must grow with a new username or password"


def _callback_secret_problems(key: str, trunk: Trunk) -> Iterator[tuple[str, str]]:
    if len({secret.secret for secret in trunk.callback_secrets}) != len(trunk.callback_secrets):
        yield f"{key}/callback_secrets", "must be different"
    for index, secret in enumerate(trunk.callback_secrets):
        if (problem := _secret_problem(secret.secret)) is not None:
            yield f"{key}/callback_secrets/{index}/secret", problem
        if (secret.valid_until is None) != (index == 0):
            where = f"{key}/callback_secrets/{index}/valid_until"
            yield where, "a replaced secret needs an end" if index else "the current secret has no end"


def _secret_problem(secret: str) -> str | None:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return "must be whsec_ and base64"
    return None if 24 <= len(key) <= 64 else "must hold 24 to 64 bytes"


def _sealed_problem(sealed: str) -> str | None:
    try:
        size = len(base64.b64decode(sealed, validate=True))
    except ValueError:
        return "must be base64"
    return None if size >= _SMALLEST_SEALED else "is too short"
