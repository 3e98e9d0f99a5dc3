"""SMS > Outbound SMS log: what became of messages, and of the notifications about them.

criteria   what the form above the log says: times in a zone, numbers, trunk, status
messages   the log, and a message with its timeline
export     the log as CSV, as it streams
callbacks  a trunk's attempts to notify, sending notifications again, a test event
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages.log import callbacks, export, messages

PAGES: Final[tuple[Page, ...]] = (*export.PAGES, *messages.PAGES, *callbacks.PAGES)
