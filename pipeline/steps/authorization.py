"""Step 2, authorization: may this trunk send from this source, and to this destination?

Asked when a message is processed, not when it is submitted: direct producers skip the HTTP door, and what was allowed
then may not be any more. The first rule that is broken decides the answer.
"""

from datetime import datetime
from typing import NamedTuple

from pipeline.directory.model import Directory
from pipeline.steps.admission import check_destination
from schemas.directory.account import Account, NumberCheck
from schemas.directory.trunk import Trunk
from schemas.status import CodeId, StatusName


class Grant(NamedTuple):
    """The trunk may send from the source; both are as the directory had them at that moment."""

    trunk: Trunk
    account: Account


class Refusal(NamedTuple):
    """Why not: the contract's number, and the reason in words for people."""

    code_id: CodeId
    reason: str

    @property
    def status(self) -> StatusName:
        """The contract's word: it counts codes from 100 on as failures, below as routing errors."""
        return StatusName.FAILED if self.code_id >= 100 else StatusName.ROUTING_ERROR


def authorize(directory: Directory, trunk_id: str, source: str, submitted_at: datetime) -> Grant | Refusal:
    """Decide about a trunk and a source: once for a submission, however many destinations it has.

    `submitted_at` is the broker's time for the submission: what came in before its trunk was deleted still finishes.
    """
    trunk = directory.trunk(trunk_id)
    if trunk is None:
        return Refusal(CodeId.TRUNK_BLOCKED, "there is no such trunk")
    if trunk.deleted_at is not None and trunk.deleted_at <= submitted_at:
        return Refusal(CodeId.TRUNK_BLOCKED, "the trunk has been deleted")
    if trunk.blocked:
        return Refusal(CodeId.TRUNK_BLOCKED, "the trunk is blocked")
    account = directory.account(trunk.account_id)
    if account is None:
        return Refusal(CodeId.ACCOUNT_BLOCKED, "the trunk's account is not known")
    if account.blocked:
        return Refusal(CodeId.ACCOUNT_BLOCKED, "the trunk's account is blocked")
    did = directory.did(source)
    # One reason for both: whether somebody else owns a number is none of this customer's business.
    if did is None or did.account_id != account.id:
        return Refusal(CodeId.SOURCE_NOT_ALLOWED, "the source is not a DID of the account")
    if not did.p2p_enabled:
        return Refusal(CodeId.SOURCE_NOT_ALLOWED, "the source is not enabled for Outbound P2P SMS")
    if not directory.allows_source(trunk, source):
        return Refusal(CodeId.SOURCE_NOT_ALLOWED, "the source is not among the trunk's allowed sources")
    return Grant(trunk, account)


def authorize_destination(destination: str, check: NumberCheck = NumberCheck.PLAN) -> Refusal | None:
    """Decide about one destination of an account with this `check`: None, or why it is refused."""
    problem = check_destination(destination, check)
    return None if problem is None else Refusal(CodeId.DESTINATION_NOT_ALLOWED, problem)
