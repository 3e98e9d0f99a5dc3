"""SMS > SMS Trunks: the list, and what is done with a trunk.

table           the list
fields          the fields of its form, and what they set
callback_fields  those that say how it wants to be told
edit            creating and editing
delete          deleting one or several
credentials     the window with username and password
examples        programs that send through one, ready to be pasted
signing_secret  the window with the secret that signs callbacks
callbacks       the endpoint: its last attempts, and enabling it again
sources         the numbers that the form's picker offers
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages.trunks import callbacks, credentials, delete, edit, signing_secret, sources, table

PAGES: Final[tuple[Page, ...]] = (
    *table.PAGES,
    *edit.PAGES,
    *delete.PAGES,
    *credentials.PAGES,
    *signing_secret.PAGES,
    *sources.PAGES,
    *callbacks.PAGES,
)
