"""What changed between two states of an entry, for the audit log: no secrets, and no list that has no end."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from pipeline.counted import counted
from schemas.directory.audit import Difference
from schemas.directory.entry import DirectoryEntry

MAX_LISTED: Final = 20
_LEFT_OUT: Final = frozenset({"schema_version", "id", "number"})
# Secrets show as nothing but that they are others now.
_SECRET: Final = frozenset({"password_hash", "digest", "hint", "second_factor", "invitation"})


def between(before: DirectoryEntry | None, after: DirectoryEntry | None) -> tuple[Difference, ...]:
    """Return the attributes in which `after` differs; of a new or removed entry all that say something."""
    entry = after if after is not None else before
    if entry is None:
        return ()
    found = []
    for name in type(entry).model_fields:
        if name in _LEFT_OUT:
            continue
        was, now = getattr(before, name, None), getattr(after, name, None)
        if was == now:
            continue
        if name in _SECRET:
            old, new = ("(hidden)" if was else None), ("(hidden, new)" if now else None)
        elif isinstance(was, tuple) and isinstance(now, tuple) and name in ("allowed_sources", "allowed_ips"):
            # Only what came and went: lists of sources can be long.
            held, wanted = frozenset(was), frozenset(now)
            old, new = _listed([it for it in was if it not in wanted]), _listed([it for it in now if it not in held])
        else:
            old, new = _text(name, was), _text(name, now)
        found.append(Difference(attribute=name, before=writable(old), after=writable(new)))
    return tuple(found)


def writable(text: str | None) -> str | None:
    """Return `text` without the lone surrogates that no JSON can carry: the rules see them later than we do."""
    return None if text is None else text.encode(errors="replace").decode()


def _text(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "credentials":
        return f"username {value[0].username}, password version {value[0].version}" + _grace(value)
    if name == "callback_secrets":
        return counted(len(value), "signing secret") + _grace(value)
    if name == "callbacks":
        return _listed([f"{part}: {_text(part, it)}" for part, it in value if it is not None])
    if name == "secrets":
        return _listed([f"{it.name} (hidden)" for it in value])
    if name in ("parameters", "headers"):
        return _listed([f"{key}={it[:200]}" for key, it in value.items()])
    if name in ("ca", "client_certificate"):
        return f"SHA-256 {sha256(value.encode()).hexdigest()[:16]}"
    if name == "text":
        return f"{len(value)} characters, SHA-256 {sha256(value.encode()).hexdigest()[:16]}"
    if isinstance(value, tuple):
        return _listed(value)
    return str(value)


def _grace(secrets: Sequence[Any]) -> str:
    return f", the one before until {secrets[1].valid_until:%Y-%m-%d %H:%M:%S} UTC" if len(secrets) > 1 else ""


def _listed(items: Sequence[str]) -> str | None:
    if not items:
        return None
    more = f" and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else ""
    return ", ".join(items[:MAX_LISTED]) + more
