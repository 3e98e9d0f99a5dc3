"""Every setting, from the environment, grouped by concern. Units are in the names, meanings below them, of which
docs/reference/settings.md is made.

broker       Kafka, the topics on it, and the delays of retries
process      what every process has: metrics, traces, its disk
ingress      the HTTP door, and what a message may be
posting      to carriers and to endpoints, and how long receipts are waited for
message_log  its database, how long it keeps, its HTTP door
panel        the web panel and the management API
keys         what signs, verifies and seals
values       how what is written in the environment becomes a value

A group is read where it is needed: an agent reads only what it uses, so a secret stays out of processes that have no
use for it.
"""

from pipeline.settings.broker import KafkaSettings, RetrySettings, TopicSettings
from pipeline.settings.ingress import IngressSettings, MessageSettings
from pipeline.settings.keys import (
    CallbackKeySettings,
    CarrierKeySettings,
    PanelKeySettings,
    PepperSettings,
    ReceiptKeySettings,
    weak_pepper,
    weak_receipt_key,
)
from pipeline.settings.message_log import DatabaseSettings, MessageLogSettings
from pipeline.settings.panel import GrafanaSettings, PanelSettings
from pipeline.settings.posting import CallbackSettings, DeliverySettings, ReceiptSettings
from pipeline.settings.process import AgentSettings, StateSettings, TracingSettings
from pipeline.settings.values import Port

__all__ = [
    "AgentSettings",
    "CallbackKeySettings",
    "CallbackSettings",
    "CarrierKeySettings",
    "DatabaseSettings",
    "DeliverySettings",
    "GrafanaSettings",
    "IngressSettings",
    "KafkaSettings",
    "MessageLogSettings",
    "MessageSettings",
    "PanelKeySettings",
    "PanelSettings",
    "PepperSettings",
    "Port",
    "ReceiptKeySettings",
    "ReceiptSettings",
    "RetrySettings",
    "StateSettings",
    "TopicSettings",
    "TracingSettings",
    "weak_pepper",
    "weak_receipt_key",
]
