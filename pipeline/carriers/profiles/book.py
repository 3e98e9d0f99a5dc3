"""Which profile a carrier has, and what the two are together. Both are worked out once, and anew when one changes."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from pipeline.alphabets.national import NationalAlphabet
from pipeline.carriers.profile_form.receipts import AnswerForm
from pipeline.carriers.profiles.bound import BoundCarrier
from pipeline.carriers.profiles.profile import CarrierProfile
from pipeline.carriers.profiles.shipped import PRACTICE, shipped_names, shipped_profile
from pipeline.carriers.receipt import ReceiptReport, ReceiptRequest
from pipeline.errors import CarrierUnusable, RuleViolated, SecretUnreadable
from schemas.directory.carrier import Carrier, InDoubtPolicy, Profile

MAX_KEPT: Final = 4096

OwnProfile = Callable[[str], Profile | None]
"""Returns a profile of the directory by its name."""

OpenSecrets = Callable[[Carrier], Mapping[str, str]]
"""Returns a carrier's secrets by their names. Raises `SecretUnreadable`."""


class ProfileBook:
    """Profiles by name: those of the directory, then those that are shipped."""

    def __init__(self, own: OwnProfile) -> None:
        self._own = own
        self._read: dict[str, tuple[Profile, CarrierProfile]] = {}

    def own(self, name: str | None) -> Profile | None:
        """Return the directory's own profile of that name."""
        return None if name is None else self._own(name)

    def profile(self, name: str | None) -> CarrierProfile:
        """Return a profile; None is the practice carrier's.

        Raises `RuleViolated` for a name that is not there and for a profile that cannot be read.
        """
        own = self.own(name)
        if own is None:
            if name is not None and name not in shipped_names():
                raise RuleViolated([("profile", f"there is no profile {name!r}")])
            return shipped_profile(name or PRACTICE)
        kept = self._read.get(own.id)
        if kept is None or kept[0] is not own:
            if len(self._read) >= MAX_KEPT:
                self._read.clear()
            kept = self._read[own.id] = (own, CarrierProfile.parse(own.id, own.text.encode()))
        return kept[1]

    def read_receipt(self, carrier: Carrier, request: ReceiptRequest) -> list[ReceiptReport]:
        """Return what a carrier reports. Raises `BadReceipt`, and as `profile`."""
        return self.profile(carrier.profile).read_receipt(request)

    def national_alphabets(self, carrier: Carrier) -> tuple[NationalAlphabet, ...]:
        """Return the national alphabets that a carrier takes: none where its profile does not work."""
        try:
            return self.profile(carrier.profile).national_alphabets
        except RuleViolated:
            return ()

    def answer_to_receipts(self, carrier: Carrier) -> AnswerForm | None:
        """Return what a carrier wants to hear when it has reported; None where that is all the same to it."""
        try:
            receipts = self.profile(carrier.profile).form.receipts
        except RuleViolated:
            return None
        return None if receipts is None else receipts.answer


class _Kept(NamedTuple):
    carrier: Carrier
    own: Profile | None
    bound: BoundCarrier | None
    problem: str


class BoundCarriers:
    """What delivery works with, by carrier."""

    def __init__(self, book: ProfileBook, open_secrets: OpenSecrets) -> None:
        self._book = book
        self._open_secrets = open_secrets
        self._kept: dict[str, _Kept] = {}

    def of(self, carrier: Carrier) -> BoundCarrier:
        """Return a carrier with its profile. Raises `CarrierUnusable`."""
        kept = self._kept.get(carrier.id)
        if kept is None or kept.carrier is not carrier or kept.own is not self._book.own(carrier.profile):
            kept = self._keep(carrier)
        if kept.bound is None:
            raise CarrierUnusable(kept.problem)
        return kept.bound

    def _keep(self, carrier: Carrier) -> _Kept:
        bound, problem = None, ""
        try:
            profile = self._book.profile(carrier.profile)
            bound = BoundCarrier(
                profile, carrier.url, carrier.parameters or {}, self._open_secrets(carrier),
                honours_key=carrier.in_doubt_policy is InDoubtPolicy.RESEND_WITH_KEY,
            )  # fmt: skip
        except (RuleViolated, SecretUnreadable) as error:
            problem = f"the carrier's profile does not work: {error}"
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        kept = self._kept[carrier.id] = _Kept(carrier, self._book.own(carrier.profile), bound, problem)
        return kept
