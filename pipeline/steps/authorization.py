"""Step 2, authorization: may this trunk send from this source, and to this destination?

Asked when a message is processed, not when it is submitted: direct producers skip the HTTP door, and what was allowed
then may not be any more. The first rule that is broken decides the answer.
"""

from datetime import datetime
from typing import NamedTuple

from pipeline.countries import country_of
from pipeline.directory.model import Directory
from pipeline.steps.admission.request import check_destination
from schemas.address import MSISDN, is_short_code
from schemas.directory.account import Account
from schemas.directory.sender import Sender
from schemas.directory.trunk import Trunk
from schemas.messages.status import CodeId, StatusName


class Grant(NamedTuple):
    """The trunk may send from the source; all are as the directory had them at that moment.

    `sender` is the source where it is no DID.
    """

    trunk: Trunk
    account: Account
    sender: Sender | None = None


class Refusal(NamedTuple):
    """Why not: the contract's number, and the reason in words for people."""

    code_id: CodeId
    reason: str

    @property
    def status(self) -> StatusName:
        """The contract's word: it counts codes from 100 on as failures, below as routing errors."""
        return StatusName.FAILED if self.code_id >= 100 else StatusName.ROUTING_ERROR


def authorize(
    directory: Directory, trunk_id: str, source: str, submitted_at: datetime, campaign_id: str | None = None
) -> Grant | Refusal:
    """Decide about a trunk and a source: once for a submission, however many destinations it has.

    `submitted_at` is the broker's time for the submission: what came in before its trunk was deleted still finishes.
    What belongs to a campaign is asked of that, and no more whether the source is for P2P and the trunk allows it.
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
    if campaign_id is not None:
        uncovered = _uncovered(directory, campaign_id, trunk, source)
        if uncovered is not None:
            return uncovered
    did, sender = directory.did(source), None
    # One reason for both: whether somebody else owns a number is none of this customer's business.
    if did is None or did.account_id != account.id:
        sender = directory.sender(account.id, source)
        if sender is None:
            return Refusal(CodeId.SOURCE_NOT_ALLOWED, _unknown(source))
    elif not did.p2p_enabled and campaign_id is None:
        return Refusal(CodeId.SOURCE_NOT_ALLOWED, "the source is not enabled for Outbound P2P SMS")
    if campaign_id is None and not directory.allows_source(trunk, source):
        return Refusal(CodeId.SOURCE_NOT_ALLOWED, "the source is not among the trunk's allowed sources")
    return Grant(trunk, account, sender)


def authorize_destination(directory: Directory, grant: Grant, destination: str) -> Refusal | None:
    """Decide about one destination of what may be sent: None, or why it is refused."""
    short_codes = directory.takes_short_codes(grant.account.id)
    problem = check_destination(destination, grant.account.checks, short_codes=short_codes)
    if problem is not None:
        return Refusal(CodeId.DESTINATION_NOT_ALLOWED, problem)
    if directory.opt_outs.has(grant.account.id, destination):
        return Refusal(CodeId.DESTINATION_NOT_ALLOWED, "the destination has opted out")
    if short_codes and is_short_code(destination):
        return None  # no digits of it are a country's: which routes take it is all that can be asked
    refused = grant.trunk.refused_countries
    if refused and (country := country_of(destination)) in refused:
        return Refusal(CodeId.DESTINATION_NOT_ALLOWED, f"the trunk does not send to {country}")
    sender = grant.sender
    if sender is not None and sender.countries and (country := country_of(destination)) not in sender.countries:
        return Refusal(CodeId.SOURCE_NOT_ALLOWED, f"the source is not registered for {country or 'its country'}")
    return None


def _uncovered(directory: Directory, campaign_id: str, trunk: Trunk, source: str) -> Refusal | None:
    campaign = directory.campaign(campaign_id)
    if campaign is None or campaign.account_id != trunk.account_id:
        return Refusal(CodeId.CAMPAIGN_NOT_FOUND, "the account has no such campaign")
    if campaign.blocked:
        return Refusal(CodeId.CAMPAIGN_NOT_FOUND, "the campaign is blocked")
    if trunk.id not in campaign.trunk_ids:
        return Refusal(CodeId.CAMPAIGN_DOES_NOT_COVER, "the campaign does not cover the trunk")
    if source not in campaign.senders:
        return Refusal(CodeId.CAMPAIGN_DOES_NOT_COVER, "the campaign does not cover the source")
    return None


def _unknown(source: str) -> str:
    if MSISDN.fullmatch(source) is not None:
        return "the source is not a DID of the account"
    return "the source is not a registered sender of the account"
