"""The one tree of errors.

SmsoutError                       code, stage
├── ConfigurationError            a setting that cannot work
│   └── DirectoryInUse            a writer of the directory that lives would have to give way
├── SecretUnreadable              a sealed secret that none of our keys opens
├── BrokerError                   trying again may help
│   ├── BrokerUnreachable         nobody answers at the configured address
│   ├── NotAcknowledged           in doubt: the record may or may not be written
│   └── DirectoryFenced           another writer has taken over
├── Refused                       bad input; trying again changes nothing
│   ├── UnreadableRecord          becomes a dead letter with its bytes
│   ├── RuleViolated              a directory change against the rules
│   ├── Unencodable               a text with a character that no SMS can carry
│   ├── TooManySegments           a text longer than a message can be
│   ├── BadReceipt                what a carrier reports in a form that is not its own
│   ├── Inexpressible             a value that a carrier's request cannot hold in its place
│   ├── CarrierUnusable           a carrier whose profile, settings or secrets do not work
│   └── AddressNotAllowed         an endpoint at an address that we must not call
├── PostFailed                    a POST to a carrier or an endpoint
│   ├── NotSent                   no byte can have reached the other side
│   └── InDoubt                   the other side may have taken it
├── LogUnavailable                the message log's database does not answer, or not in time
├── StateLost                     what is kept on disk is of no use; a restart makes it again
├── DiskFull                      there is no room for what is kept on disk
├── DeadLetterBrake               too many records in a row that cannot be read
└── Stuck                         an agent's watchdog: work is waiting and nothing moves

`code` is stable: metrics, dead letters and operators' searches use it.
"""

from typing import ClassVar


class SmsoutError(Exception):
    """Root. `stage` is the step or edge that raised it."""

    code: ClassVar[str] = "internal-error"
    stage: str = "unknown"

    def __init__(self, message: str, *, stage: str | None = None) -> None:
        super().__init__(message)
        if stage is not None:
            self.stage = stage


class ConfigurationError(SmsoutError):
    """A setting that cannot work; the message names it."""

    code = "bad-configuration"
    stage = "settings"


class DirectoryInUse(ConfigurationError):
    """Another process on this machine writes `sms.directory` and is alive; its place is not taken unasked."""

    code = "directory-in-use"
    stage = "directory"


class SecretUnreadable(SmsoutError):
    """A sealed secret that was tampered with, belongs to another record, or whose key we do not have."""

    code = "secret-unreadable"
    stage = "credentials"


class BrokerError(SmsoutError):
    """Kafka did not do what was asked of it."""

    code = "broker-error"
    stage = "broker"


class BrokerUnreachable(BrokerError):
    """Nobody answers at the configured address."""

    code = "broker-unreachable"


class NotAcknowledged(BrokerError):
    """The broker did not acknowledge in time: the record may or may not be written."""

    code = "not-acknowledged"


class DirectoryFenced(BrokerError):
    """Another process writes `sms.directory` now."""

    code = "directory-fenced"
    stage = "directory"


class Refused(SmsoutError):
    """Bad input."""

    code = "refused"


class UnreadableRecord(Refused):
    """A record that is not what its topic holds. `code` is per instance: it becomes the dead letter's reason."""

    def __init__(self, reason: str, message: str, *, stage: str) -> None:
        super().__init__(message, stage=stage)
        self.reason = reason


class RuleViolated(Refused):
    """A directory change that breaks rules: `problems` maps each offending attribute to what is wrong."""

    code = "rule-violated"
    stage = "directory"

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems))
        self.problems = problems


class Unencodable(Refused):
    """A text that neither GSM-7 nor UCS-2 can carry. The message names the position, never the text."""

    code = "no-encoding"
    stage = "encoding"


class TooManySegments(Refused):
    """A text longer than one message can be."""

    code = "too-many-segments"
    stage = "segmentation"


class BadReceipt(Refused):
    """A carrier's receipt that cannot be read. The message says what is wrong with it and quotes nothing of it."""

    code = "bad-receipt"
    stage = "receipts"


class CarrierUnusable(Refused):
    """A carrier whose profile, settings or secrets do not work: nothing can be sent to it until an operator acts."""

    code = "carrier-unusable"
    stage = "post"


class AddressNotAllowed(Refused):
    """An endpoint whose address is not global and not on the operator's allow-list."""

    code = "address-not-allowed"
    stage = "post"


class Inexpressible(Refused):
    """A value that its place in a carrier's request cannot hold. The message names the character, never the text."""

    code = "inexpressible"
    stage = "post"


class PostFailed(SmsoutError):
    """A POST that brought no readable answer."""

    code = "post-failed"
    stage = "post"


class NotSent(PostFailed):
    """No byte of the request can have reached the other side."""

    code = "not-sent"


class InDoubt(PostFailed):
    """The request may have reached the other side."""

    code = "in-doubt"


class LogUnavailable(SmsoutError):
    """The message log's database does not answer, or not as it should.

    `too_slow`: not in the time that a question may take. `rejected`: it does not take what it was given, whenever that
    is given again.
    """

    code = "message-log-unavailable"
    stage = "message-log"

    def __init__(self, message: str, *, too_slow: bool = False, rejected: bool = False) -> None:
        super().__init__(message)
        self.too_slow = too_slow
        self.rejected = rejected


class DiskFull(SmsoutError):
    """No room for what is kept on disk; the message says where. With room a restart goes on."""

    code = "disk-full"
    stage = "state"


class StateLost(SmsoutError):
    """What a process keeps on disk is damaged, or not of this topic; it is gone, and a restart makes it again."""

    code = "state-lost"


class DeadLetterBrake(SmsoutError):
    """Too many records in a row that cannot be read: more likely our fault than that of all their producers."""

    code = "dead-letter-brake"
    stage = "dead-letters"


class Stuck(SmsoutError):
    """Work is waiting and nothing has moved for too long; the process must be restarted."""

    code = "stuck"
    stage = "watchdog"
