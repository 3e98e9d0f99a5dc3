"""SMS > Overview, Outbound SMS log, Scheduled: how messages fare, what became of each and of its notifications.

overview   the first page: messages in numbers and pictures, what goes wrong, what is left to do
chart      where everything lies in a picture
criteria   what the form above the log says: times in a zone, numbers, trunk, campaign, status
choices    trunks and campaigns that such forms offer, and what rows call them
messages   the log
message    a message with its timeline, as it goes on
scheduled  what waits for its time, and taking it back
export     the log as CSV, as it streams
callbacks  a trunk's attempts to notify, sending notifications again, a test event
"""

from typing import Final

from agents.panel.page import Page
from agents.panel.pages.log import callbacks, export, message, messages, overview, scheduled

PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES, *export.PAGES, *messages.PAGES, *message.PAGES, *scheduled.PAGES, *callbacks.PAGES,
)  # fmt: skip
