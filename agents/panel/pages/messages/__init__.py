"""SMS > messages: sending one by hand, and what became of it.

send_sms  the form, and the note below its text
progress  the state of a message
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages.messages import progress, send_sms

PAGES: Final[tuple[Page, ...]] = (*send_sms.PAGES, *progress.PAGES)
