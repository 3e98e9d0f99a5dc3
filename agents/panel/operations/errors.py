"""What an operation can end with besides its result; `RuleViolated` and the broker's errors come on top.

One place for pages and API to turn into 403, 404 and 409 or 412.
"""

from pipeline.errors import Refused


class NotFound(Refused):
    """There is no such thing, or it belongs to somebody else: from outside nobody can tell which."""

    code = "not-found"
    stage = "panel"


class Forbidden(Refused):
    """The actor's role does not include this."""

    code = "forbidden"
    stage = "panel"


class Conflict(Refused):
    """Somebody else has changed the entry since the actor read it; nothing was written."""

    code = "conflict"
    stage = "panel"
