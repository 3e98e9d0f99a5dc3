"""A client of a smsout gateway.

models     what the gateway tells: messages, events, callbacks
errors     what can go wrong, and whether it is worth another try
wire       requests as they go out and answers as they come in, without a connection
retrying   when a request is sent again
sync       `Client`
aio        `AsyncClient`
management `Management`, of trunks
callbacks  the signature of callbacks
command    the command line
"""

from smsout_client.aio import AsyncClient
from smsout_client.callbacks import read_callback, read_callbacks
from smsout_client.errors import CallbackNotVerified, Problem, Refused, SmsoutClientError, Unavailable
from smsout_client.management import Management
from smsout_client.models import Callback, Event, Message, Outgoing, Preview, Sent, TextChange, Trunk
from smsout_client.sync import Client

__all__ = [
    "AsyncClient",
    "Callback",
    "CallbackNotVerified",
    "Client",
    "Event",
    "Management",
    "Message",
    "Outgoing",
    "Preview",
    "Problem",
    "Refused",
    "Sent",
    "SmsoutClientError",
    "TextChange",
    "Trunk",
    "Unavailable",
    "read_callback",
    "read_callbacks",
]
