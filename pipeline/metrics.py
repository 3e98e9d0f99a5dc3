"""Every metric, with what it tells. Names and units by Prometheus' conventions; labels come from closed sets.

Per-message work pays for none of these one by one: agents add per batch where they can.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

# ingress
REQUESTS: Final = Counter("smsout_ingress_requests_total", "Requests by answer's status code", ["status"])
ACCEPTED: Final = Counter("smsout_ingress_messages_accepted_total", "Messages answered with 201")
OUTSTANDING: Final = Gauge("smsout_ingress_outstanding_messages", "Accepted, not yet acknowledged by the broker")

# every HTTP server: which one, and which bound was met (all, address)
HTTP_CONNECTIONS: Final = Gauge("smsout_http_connections", "Connections that are open", ["server"])
HTTP_CONNECTIONS_CLOSED: Final = Counter(
    "smsout_http_connections_closed_total", "Waiting connections that made room for others", ["server", "bound"]
)
HTTP_CONNECTIONS_REFUSED: Final = Counter(
    "smsout_http_connections_refused_total", "Connections for which there was no room", ["server", "bound"]
)

# group commit: how much company an entry finds; 1 means the broker keeps up with every single caller
GROUP_SIZE: Final = Histogram(
    "smsout_group_commit_entries",
    "Entries per group",
    ["agent"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 1000),
)

# every agent that decides something about messages
MESSAGES: Final = Counter("smsout_messages_total", "Messages that left this stage, by outcome", ["stage", "outcome"])
DEAD_LETTERS: Final = Counter(
    "smsout_dead_letters_total", "Refused records, by stage and stable reason", ["stage", "reason"]
)
IDEMPOTENCY: Final = Counter(
    "smsout_idempotency_keys_total", "Submissions with a key, by what became of them", ["stage", "outcome"]
)
REPEATED: Final = Counter(
    "smsout_repeated_records_total", "Records passed over: written again, or finished before a restart"
)
LAG: Final = Gauge("smsout_consumer_unfinished_records", "Records taken or waiting and not finished", ["agent"])

BACKLOG: Final = Gauge(
    "smsout_backlog_entries", "What waits on disk: for a peer that is away, or behind others of its sender", ["agent"]
)

# receipts: what came to ingress (taken, repeated, refused, not_stored), and what waits for some
RECEIPTS: Final = Counter("smsout_receipts_total", "Carriers' delivery receipts, by what became of them", ["outcome"])
MESSAGES_AWAITING_RECEIPTS: Final = Gauge(
    "smsout_receipts_messages", "Messages that wait for their receipts, or whose end is remembered"
)

# HTTP towards carriers and customers
POSTS: Final = Counter("smsout_posts_total", "POST attempts, by outcome", ["stage", "outcome"])
POST_SECONDS: Final = Histogram(
    "smsout_post_seconds", "Time to a carrier's or an endpoint's answer", ["stage"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)  # fmt: skip

# delivery: how each carrier of the directory is treated; the label is its id
CARRIER_BREAKER: Final = Gauge(
    "smsout_carrier_breaker_state",
    "0 closed (all is well), 1 half open (being tried), 2 open (left alone)",
    ["carrier"],
)
CARRIER_BREAKER_OPENED: Final = Counter(
    "smsout_carrier_breaker_opened_total", "How often the carrier was left alone", ["carrier"]
)
CARRIER_RATE: Final = Gauge(
    "smsout_carrier_segments_per_second", "Segments a second that this process may post to the carrier", ["carrier"]
)
CARRIER_NEEDS_OPERATOR: Final = Gauge(
    "smsout_carrier_needs_operator",
    "1 while the carrier takes nothing until an operator acts (money, a key)",
    ["carrier"],
)
CARRIER_PACE: Final = Gauge("smsout_carrier_pace", "POSTs that may be open to the carrier at once", ["carrier"])

# callback: counts, because endpoints are no closed set
OPEN_ENDPOINT_BREAKERS: Final = Gauge(
    "smsout_callback_open_breakers", "Endpoints that nothing is posted to now, or that are being tried"
)
SLOW_ENDPOINTS: Final = Gauge("smsout_callback_slow_endpoints", "Endpoints that have to do with the slow lane")

# directory
DIRECTORY_VERSION: Final = Gauge("smsout_directory_version", "Offset of the last applied record of sms.directory")

# message_log
LOG_RECORDS: Final = Counter("smsout_message_log_records_total", "Records that are in the message log")
LOG_PASSED_OVER: Final = Counter(
    "smsout_message_log_passed_over_total", "Records that are not: of days that are not kept, or unreadable", ["reason"]
)
LOG_BATCH_SECONDS: Final = Histogram(
    "smsout_message_log_batch_seconds", "Time to write a batch",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)  # fmt: skip
LOG_REQUESTS: Final = Counter("smsout_message_log_requests_total", "Requests by answer's status code", ["status"])
