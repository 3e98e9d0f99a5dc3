"""What must be true of campaigns: they name senders and trunks of their own account, and none of these goes before."""

from collections.abc import Container, Iterable, Iterator, Mapping

from schemas.directory.campaign import Campaign
from schemas.directory.trunk import Trunk


def campaign_problems(
    key: str, campaign: Campaign, before: Campaign | None, senders: Container[str], trunks: Mapping[str, Trunk]
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a campaign, place and problem.

    `senders` and `trunks` are what its account will have; a trunk that it named `before` may be gone.
    """
    if before is not None and before.account_id != campaign.account_id:
        yield f"{key}/account_id", "a campaign cannot move to another account"
    seen: set[str] = set()
    for index, sender in enumerate(campaign.senders):
        if sender in seen:
            yield f"{key}/senders/{index}", f"{sender} is listed twice"
        elif sender not in senders:
            yield f"{key}/senders/{index}", f"{sender} is neither a DID nor a registered sender of the account"
        seen.add(sender)
    held = () if before is None else before.trunk_ids
    for index, trunk_id in enumerate(campaign.trunk_ids):
        if campaign.trunk_ids.index(trunk_id) < index:
            yield f"{key}/trunk_ids/{index}", f"{trunk_id} is listed twice"
        elif trunk_id not in trunks and trunk_id not in held:
            yield f"{key}/trunk_ids/{index}", f"the account has no trunk {trunk_id}"


def lost_senders(lost: Mapping[tuple[str, str], str], campaigns: Iterable[Campaign]) -> Iterator[tuple[str, str]]:
    """Yield for each sender that goes, and that a campaign still names, why it must not.

    `lost` has the keys of the changes by account and address; `campaigns` are those that are not changed themselves.
    """
    for campaign in campaigns:
        for sender in campaign.senders:
            key = lost.get((campaign.account_id, sender))
            if key is not None:
                yield key, f"is a sender of the campaign {campaign.name!r}: take it off there first"
