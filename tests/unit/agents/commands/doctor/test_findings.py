"""What the doctor says of a picture, and how bad it is."""

from collections import Counter

import pytest

from agents.commands.doctor.findings import (
    Gravity,
    GroupPicture,
    ParkedPicture,
    Picture,
    TierPicture,
    duration,
    findings_of,
)

GROUP, TIER = ("sms-delivery", "delivery", "sms.mt.segmented"), ("sms.mt.retry", "sms-delivery-retry", "delivery")


@pytest.mark.parametrize(
    ("picture", "gravity", "words"),
    [
        (Picture(missing_topics=("t",)), Gravity.BROKEN, "the topic t does not exist: run `smsout topics apply`"),
        (Picture(directory_problem="why"), Gravity.BROKEN, "the directory cannot be read: why"),
        (
            Picture(groups=(GroupPicture(*GROUP, 0, 7, False, 200.0),)), Gravity.STUCK,
            "nobody consumes sms.mt.segmented: is `delivery` running? 7 records wait, the oldest for 3 min",
        ),
        (Picture(groups=(GroupPicture(*GROUP, 0, 0, True),)), Gravity.WAITING, "nobody consumes sms.mt.segmented"),
        (
            Picture(groups=(GroupPicture(*GROUP, 1, 7, False, 20.0),)), Gravity.STUCK,
            "delivery does not get on with sms.mt.segmented: 7 records wait, the oldest for 20 s",
        ),
        (
            Picture(tiers=(TierPicture(*TIER, 1, 9, 7200.0, "status 503", Counter({"status 503": 9}),
                                       Counter({"carrier Acme": 9})),)), Gravity.STUCK,
            "9 wait in sms.mt.retry for carrier Acme (9): 9x status 503. the oldest is 2 h late: status 503",
        ),
        (
            Picture(tiers=(TierPicture(*TIER, 1, 1, None, "", Counter({"refused": 1})),)), Gravity.NOTICE,
            "1 wait in sms.mt.retry: 1x refused",
        ),
        (Picture(tiers=(TierPicture(*TIER, 0, 1),)), Gravity.STUCK, "nobody consumes sms.mt.retry"),
        (
            Picture(groups=(GroupPicture(*GROUP, 1, 7, False, 20.0, Counter({"carrier Acme": 7})),)), Gravity.STUCK,
            "7 records wait for carrier Acme (7), the oldest for 20 s",
        ),
        (
            Picture(parked=(ParkedPicture("sms.mt.parked", Counter({"carrier Acme": 12}), 300.0),)), Gravity.WAITING,
            "12 wait in sms.mt.parked for carrier Acme (12), the oldest for 5 min",
        ),
        (
            Picture(parked=(ParkedPicture("p", Counter({f"trunk {n}": 9 - n for n in range(5)}), 5.0, False),)),
            Gravity.NOTICE, "35 or more wait in p for trunk 0 (9), trunk 1 (8), trunk 2 (7) and 2 more, the oldest",
        ),
        (Picture(blocked_waiting=(("carrier A", 3),)), Gravity.WAITING, "carrier A is blocked, and 3 messages or more"),
        (Picture(dead_letters=(("t", "in-doubt", 2),)), Gravity.WAITING, "2 dead letters in t say in-doubt"),
        (Picture(dead_letters=(("t", "schema-violation", 2),)), Gravity.WAITING, "`dead-letter-brake`"),
        (Picture(drifted_topics=("t",)), Gravity.WAITING, "the topic t differs"),
        (Picture(dead_writer="process 5"), Gravity.NOTICE, "(process 5) has ended"),
        (Picture(disabled_endpoints=("trunk T",)), Gravity.NOTICE, "the endpoint of trunk T answered 410"),
    ],
)  # fmt: skip
def test_each_trouble_is_one_sentence(picture: Picture, gravity: Gravity, words: str) -> None:
    """It names what waits, why, and what to do."""
    (finding,) = findings_of(picture)
    assert finding.gravity is gravity
    assert words in finding.text


@pytest.mark.parametrize(
    "picture",
    [
        Picture(),
        Picture(groups=(GroupPicture(*GROUP, 2, 500, True, 90.0), GroupPicture(*GROUP, 1, 3, False, 1.0))),
        Picture(tiers=(TierPicture(*TIER, 1, 0),), parked=(ParkedPicture("p", Counter(), None),)),
    ],
    ids=["nothing", "work that moves, or is young", "empty tiers"],
)
def test_a_healthy_picture_is_no_news(picture: Picture) -> None:
    """Work in progress is no trouble."""
    assert findings_of(picture) == []


def test_the_gravest_comes_first() -> None:
    """Whoever reads one line reads the right one."""
    picture = Picture(
        disabled_endpoints=("trunk T",), drifted_topics=("t",), groups=(GroupPicture(*GROUP, 0, 7, False),),
        missing_topics=("m",),
    )  # fmt: skip
    assert [it.gravity for it in findings_of(picture)] == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min"), (7300, "2 h"), (90_000, "1 d")]
)
def test_durations_are_as_people_say_them(seconds: float, text: str) -> None:
    """One unit, rounded down."""
    assert duration(seconds) == text
