"""What can go wrong. `retryable` says whether the same request may do better later."""

from typing import ClassVar, NamedTuple


class Problem(NamedTuple):
    """One problem of a request: what is wrong, and where (JSON pointer, header or parameter), if that is said."""

    status: int
    title: str
    detail: str
    pointer: str | None = None
    header: str | None = None
    parameter: str | None = None


class SmsoutClientError(Exception):
    """The root of this package's errors."""

    retryable: ClassVar[bool] = False


class Refused(SmsoutClientError):
    """The gateway does not take it, and will not before it is corrected."""

    def __init__(self, status: int, problems: tuple[Problem, ...]) -> None:
        self.status = status
        self.problems = problems
        said = "; ".join(f"{it.pointer}: {it.detail}" if it.pointer else it.detail for it in problems)
        super().__init__(f"HTTP {status}: {said or 'no reason was given'}")


class Unavailable(SmsoutClientError):
    """The gateway could not be asked, or could not answer, as often as it was tried.

    A send may have been taken all the same: sent again with the same `key`, it is the same message. None for what
    sends nothing.
    """

    retryable = True

    def __init__(self, reason: str, key: str | None = None) -> None:
        self.key = key
        super().__init__(reason)


class CallbackNotVerified(SmsoutClientError):
    """It was not signed with this secret, is too old, or is no callback of a gateway."""
