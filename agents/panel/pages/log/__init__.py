"""SMS > Overview and Outbound SMS log: how messages fare, what became of each, and of the notifications about them.

overview   the first page: messages in numbers and pictures, what goes wrong, what is left to do
chart      where everything lies in a picture
criteria   what the form above the log says: times in a zone, numbers, trunk, status
messages   the log, and a message with its timeline
export     the log as CSV, as it streams
callbacks  a trunk's attempts to notify, sending notifications again, a test event
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages.log import callbacks, export, messages, overview

PAGES: Final[tuple[Page, ...]] = (*overview.PAGES, *export.PAGES, *messages.PAGES, *callbacks.PAGES)
