"""What a storm has left behind, as the outside sees it, and whether that is what was promised."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.storm.traffic import GIVES_UP, LONG, Sent

IN_DOUBT = 6
WITHOUT_KEYS = "carrier=without-keys"
"""The query of the URL of the carrier that is not trusted to honour keys: its entries in the ledger have it."""


@dataclass
class Verdict:
    """Every way in which a promise was broken, in words, and figures for the report."""

    broken: list[str] = field(default_factory=list)
    messages_at_carrier: int = 0
    segments_at_carrier: int = 0
    repeated_with_key: int = 0
    callbacks: int = 0
    callbacks_repeated: int = 0
    given_up: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)


def segments_of(text: str) -> int:
    """Return how many segments a text of the storm makes."""
    return 2 if LONG in text else 1


def unsettled(sent: Sent, callbacks: Sequence[dict[str, Any]], letters: Mapping[str, str]) -> set[str]:
    """Return the accepted messages that have neither their callback nor a dead letter instead of it."""
    told = {it["body"]["id"] for it in callbacks}
    return {identity for identity in sent.accepted.values() if identity not in told and identity not in letters}


def judge(
    sent: Sent, ledger: Sequence[dict[str, Any]], callbacks: Sequence[dict[str, Any]], letters: Mapping[str, str]
) -> Verdict:
    """Judge.

    `ledger` are the POSTs that the carrier has accepted; `callbacks` have `webhook_id` and `body` (the document's
    data); `letters` are dead letters: the reason by message id.
    """
    verdict = Verdict(dead_letters=Counter(letters.values()))
    broken = verdict.broken
    broken += sent.contradictions

    statuses: dict[str, set[tuple[str, object, object]]] = defaultdict(set)
    webhook_ids: dict[str, set[str]] = defaultdict(set)
    seen: Counter[str] = Counter()
    flagged: set[str] = set()
    for it in callbacks:
        identity, attributes = it["body"]["id"], it["body"]["attributes"]
        seen[identity] += 1
        webhook_ids[identity].add(it["webhook_id"])
        statuses[identity].add((attributes["status"], attributes.get("code_id"), attributes["fragments_sent"]))
        if attributes.get("possible_duplicate"):
            flagged.add(identity)
    verdict.callbacks = sum(seen.values())
    verdict.callbacks_repeated = verdict.callbacks - len(seen)
    broken += [
        f"{it} was called back under several webhook-ids: {ids}" for it, ids in webhook_ids.items() if len(ids) > 1
    ]
    broken += [f"{it} has ended in several ways: {ways}" for it, ways in statuses.items() if len(ways) > 1]

    posts: Counter[str] = Counter(it["segment_id"] for it in ledger)
    without_keys = {it["segment_id"] for it in ledger if it.get("query") == WITHOUT_KEYS}
    messages: dict[tuple[str, str], set[str]] = defaultdict(set)
    for it in ledger:
        if it["idempotency_key"] != it["segment_id"]:
            broken.append(f"{it['segment_id']} was posted with the key {it['idempotency_key']}")
        # The first segment has the whole of a text's number in it.
        if it["segment_id"].endswith(":1"):
            messages[_number(it["text"]), it["destination"]].add(it["message_id"])
    verdict.messages_at_carrier = len(messages)
    verdict.segments_at_carrier = len(posts)
    broken += [f"{what} was sent as {ids}" for what, ids in messages.items() if len(ids) > 1]
    for segment_id, times in posts.items():
        # What this carrier has not taken goes to the other one, which honours keys: there it may be posted again.
        if times > 1 and segment_id in without_keys and segment_id.rpartition(":")[0] not in flagged:
            broken.append(f"{segment_id} was sent {times} times, and to a carrier that does not honour keys")
    verdict.repeated_with_key = sum(posts.values()) - len(posts)

    for (text, destination), identity in sent.accepted.items():
        wanted = {f"{identity}:{n}" for n in range(1, segments_of(text) + 1)}
        ways = statuses.get(identity, set())
        if not ways:
            if identity not in letters:
                broken.append(f"{identity} was accepted and has no callback")
            continue
        status, code, _ = next(iter(ways))
        if status == "Success":
            if not wanted <= set(posts):
                broken.append(f"{identity} is said to be sent, and {sorted(wanted - set(posts))} was not")
        elif code == IN_DOUBT and destination.startswith(GIVES_UP):
            verdict.given_up += 1
            if letters.get(identity) != "in-doubt":
                broken.append(f"{identity} was given up without a dead letter")
        else:
            broken.append(f"{identity} has ended as {status} {code}")
    known = {(_number(text), destination) for text, destination in [*sent.accepted, *sent.maybe]}
    broken += [f"{what} was sent and nobody has asked for it" for what in messages if what not in known]
    return verdict


def _number(text: str) -> str:
    return " ".join(text.split()[:2])
