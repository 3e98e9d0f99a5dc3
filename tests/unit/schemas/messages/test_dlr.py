"""Receipt states."""

from schemas.messages.dlr import RECEIPT_STATES, MessageState


def test_every_state_has_a_word() -> None:
    """SMPP's seven-letter words cover its states one to one."""
    assert sorted(RECEIPT_STATES.values()) == sorted(MessageState)


def test_only_two_states_can_be_followed_by_another() -> None:
    """Under way, and accepted for delivery by the other side's centre."""
    assert [state.name for state in MessageState if not state.is_final] == ["ENROUTE", "ACCEPTED"]
