"""Every metric, with what it tells. Names and units by Prometheus' conventions; labels are closed sets, or bounded.

Per-message work pays for none of these one by one: agents add per batch where they can, and what must be taken once per
message is a `Spread`. docs/metrics.md is made from this file.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from pipeline.carriers.outcome import Outcome
from pipeline.measuring.counts import Counts
from pipeline.measuring.spread import Spread

# From idle (a callback 15 ms after its request) over a loaded machine (0.1 to 1 s) to the retry tiers' hours.
END_TO_END_BUCKETS: Final = (
    0.005,
    0.01,
    0.02,
    0.035,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    30,
    60,
    300,
    1800,
    7200,
    86_400,
)
# From an answer on the same machine to the time-out.
ROUND_TRIP_BUCKETS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
MOST_TRUNKS: Final = 200
MOST_CARRIERS: Final = 100
GROUP_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1000)

# every process
BUILD: Final = Gauge(
    "smsout_build_info", "1, with what runs: the agent, its slot and version", ["agent", "slot", "version"]
)
READY: Final = Gauge("smsout_ready", "1 when the process can do its work, as /readyz says")
CERTIFICATE_ENDS: Final = Gauge(
    "smsout_certificate_not_after_timestamp_seconds",
    "When the first certificate of a file ends (Unix time); 0 for a file that cannot be read",
    ["file"],
)

# ingress
REQUESTS: Final = Counter("smsout_ingress_requests_total", "Requests by answer's status code", ["status"])
REQUEST_SECONDS: Final = Spread(
    "smsout_ingress_request_seconds",
    "From a request's head to its answer, the broker's acknowledgement included",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
ACCEPTED: Final = Counter("smsout_ingress_messages_accepted_total", "Messages answered with 201")
REQUESTS_LIMITED: Final = Counter(
    "smsout_ingress_limited_requests_total",
    "Requests answered with 429 for a limit of requests per second, by whose limit it is",
    ["limit"],
)
INGRESS_PROCESSES: Final = Gauge(
    "smsout_ingress_processes", "Processes of ingress that share these limits, as this one has heard of them"
)
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
    "smsout_group_commit_entries", "Entries written to the broker together", ["agent"], buckets=GROUP_BUCKETS
)

# every agent that decides something about messages
MESSAGES: Final = Counter("smsout_messages_total", "Messages that left this stage, by outcome", ["stage", "outcome"])
FAILURES: Final = Counter(
    "smsout_failed_messages_total",
    "Messages that ended without success, by code of docs/http-api.md",
    ["stage", "code"],
)
MESSAGES_STOPPED: Final = Counter(
    "smsout_processor_stopped_messages_total",
    "Messages refused for a limit by number, by what it is: number, range or same_text",
    ["limit"],
)
SCREENS_FORGOTTEN: Final = Counter(
    "smsout_processor_forgotten_messages_total",
    "What was forgotten of messages before the end of its window, for want of room",
)
DEAD_LETTERS: Final = Counter(
    "smsout_dead_letters_total", "Refused records, by stage and stable reason", ["stage", "reason"]
)
IDEMPOTENCY: Final = Counter(
    "smsout_idempotency_keys_total", "Submissions with a key, by what became of them", ["stage", "outcome"]
)
REPEATED: Final = Counter(
    "smsout_repeated_records_total", "Records passed over: written again, or finished before a restart"
)
LAG: Final = Gauge(
    "smsout_topic_unfinished_records",
    "Records of this process's partitions, waiting or at work, that are late with nothing",
    ["agent", "topic"],
)
OLDEST: Final = Gauge(
    "smsout_topic_oldest_unfinished_seconds",
    "For how long the oldest record that is at work has been in its topic",
    ["agent", "topic"],
)
RETRY_PENDING: Final = Gauge(
    "smsout_retry_pending_records", "What lies in a retry tier, transactions' markers included", ["agent", "topic"]
)
RETRY_DUE: Final = Gauge(
    "smsout_retry_next_due_seconds",
    "Until the oldest one of a retry tier is due; 0: now, or there is none",
    ["agent", "topic"],
)
BACKLOG: Final = Gauge(
    "smsout_backlog_entries", "What waits on disk: for a peer that is away, or behind others of its sender", ["agent"]
)

# from the moment of acceptance to the end of a stage: to_carrier, to_callback
END_TO_END: Final = Spread(
    "smsout_accepted_to_end_seconds",
    "From acceptance to the carrier's, or to the customer endpoint's, acceptance",
    ["stage"],
    buckets=END_TO_END_BUCKETS,
)
SEGMENTS: Final = Spread(
    "smsout_message_segments",
    "Segments of the messages that a carrier took",
    buckets=(1, 2, 3, 4, 5, 6, 8, 10, 20, 50, 255),
)
SPEND: Final = Counter(
    "smsout_spend_total", "Price of the segments that carriers took, by currency", ["carrier", "currency"]
)

# receipts: what came to ingress (taken, repeated, refused, not_stored), what was asked for (reported, nothing_yet,
# failed), and what waits for some
RECEIPTS: Final = Counter("smsout_receipts_total", "Carriers' delivery receipts, by what became of them", ["outcome"])
RECEIPT_POLLS: Final = Counter(
    "smsout_receipt_polls_total", "Questions to carriers that do not report by themselves, by outcome", ["outcome"]
)
MESSAGES_AWAITING_RECEIPTS: Final = Gauge(
    "smsout_receipts_messages", "Messages that wait for their receipts, or whose end is remembered"
)

# scheduler
SCHEDULED_WAITING: Final = Gauge("smsout_scheduled_messages", "Messages that wait for their time")
SCHEDULED_BEHIND: Final = Gauge(
    "smsout_scheduled_behind_seconds", "For how long the first message that waits has been due; 0: none is"
)
SCHEDULED_LATE: Final = Histogram(
    "smsout_scheduled_late_seconds",
    "From the time that a message was to be sent at to its way to delivery",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 30, 300, 3600),
)

# HTTP towards carriers and customers
POSTS: Final = Counter("smsout_posts_total", "POST attempts, by outcome", ["stage", "outcome"])
POST_SECONDS: Final = Spread(
    "smsout_post_seconds", "Time to a carrier's or an endpoint's answer", ["stage"], buckets=ROUND_TRIP_BUCKETS
)
POSTS_IN_FLIGHT: Final = Gauge("smsout_posts_in_flight", "POSTs that are open", ["stage"])
TURNS_WAITING: Final = Gauge(
    "smsout_turns_waiting", "Messages or notifications in memory that nobody has begun", ["stage"]
)

# delivery: how each carrier of the directory is treated; the label is its id
CARRIER: Final = Gauge("smsout_carrier_info", "1, with a carrier's name beside its id", ["carrier", "name"])
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
CARRIER_IN_FLIGHT: Final = Gauge("smsout_carrier_posts_in_flight", "POSTs that are open to the carrier", ["carrier"])
CARRIER_POSTS: Final = Counts(
    "smsout_carrier_posts",
    "POST attempts at a carrier, by outcome",
    "carrier",
    [it.value for it in Outcome],
    most=MOST_CARRIERS,
)
CARRIER_SECONDS: Final = Spread(
    "smsout_carrier_post_seconds", "Time to a carrier's answer", ["carrier"], buckets=ROUND_TRIP_BUCKETS
)

# trunks: those with a series of their own are bounded, the rest are `others`
TRUNK: Final = Gauge(
    "smsout_trunk_info", "1, with a trunk's name and account beside its id", ["trunk", "name", "account"]
)
TRUNK_REQUESTS: Final = Counts(
    "smsout_trunk_requests",
    "Requests with a trunk's credentials: answered with 201, with 200, with 202, or not",
    "trunk",
    ("accepted", "previewed", "canceled", "refused"),
    most=MOST_TRUNKS,
)
TRUNK_MESSAGES: Final = Counts(
    "smsout_trunk_messages",
    "Messages of a trunk that ended at delivery",
    "trunk",
    ("sent", "failed"),
    most=MOST_TRUNKS,
)
DAY_USED: Final = Gauge(
    "smsout_day_limit_used_ratio",
    "What is used up of today's (UTC) segments or spend of a trunk or an account; 1 is all. The 200 that are highest",
    ["whose", "id", "name", "limit"],
)
TRUNK_CALLBACKS: Final = Counts(
    "smsout_trunk_callbacks",
    "Attempts to notify a trunk's endpoint",
    "trunk",
    ("accepted", "failed"),
    most=MOST_TRUNKS,
)

# callback: counts, because endpoints are no closed set
OPEN_ENDPOINT_BREAKERS: Final = Gauge(
    "smsout_callback_open_breakers", "Endpoints that nothing is posted to now, or that are being tried"
)
SLOW_ENDPOINTS: Final = Gauge("smsout_callback_slow_endpoints", "Endpoints that have to do with the slow lane")
DISABLED_ENDPOINTS: Final = Gauge(
    "smsout_callback_disabled_endpoints",
    "Trunks in service whose endpoint has answered 410 and is told nothing any more",
)

# directory
DIRECTORY_VERSION: Final = Gauge("smsout_directory_version", "Offset of the last applied record of sms.directory")
DIRECTORY_CHANGED: Final = Gauge(
    "smsout_directory_changed_timestamp_seconds", "When the last applied record was written (Unix time)"
)
DIRECTORY_HEARD: Final = Gauge(
    "smsout_directory_heard_timestamp_seconds", "When the broker last answered a look at sms.directory (Unix time)"
)

# the broker, as the panel sees it: also what no agent is there to tell
GROUP_LAG: Final = Gauge(
    "smsout_group_lag_records",
    "What a consumer group has not committed, transactions' markers included",
    ["group", "topic"],
)
TOPIC_BYTES: Final = Gauge("smsout_topic_bytes", "What a topic has on the brokers' disks, copies included", ["topic"])
BROKER_DISK_FREE: Final = Gauge(
    "smsout_broker_disk_free_bytes", "Room on the disk of a broker's log", ["broker", "folder"]
)
BROKER_DISK_SIZE: Final = Gauge(
    "smsout_broker_disk_size_bytes", "Size of the disk of a broker's log", ["broker", "folder"]
)
BROKER_LOOKS: Final = Counter(
    "smsout_broker_looks_total", "Looks of the panel at the broker, by whether it has answered", ["outcome"]
)

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
