"""Whom an email address belongs to."""

from pipeline.directory.model import Directory
from schemas.directory.people import PanelUser


def user_by_email(directory: Directory, email: str) -> PanelUser | None:
    """Return the user with an email address, upper and lower case alike."""
    wanted = email.strip().casefold()
    return next((user for user in directory.entries(PanelUser) if user.email.casefold() == wanted), None)
