"""Every metric, with what it tells. Names and units by Prometheus' conventions; labels come from closed sets.

Per-message work pays for none of these one by one: agents add per batch where they can.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

# ingress
REQUESTS: Final = Counter("smsout_ingress_requests_total", "Requests by answer's status code", ["status"])
ACCEPTED: Final = Counter("smsout_ingress_messages_accepted_total", "Messages answered with 201")
OUTSTANDING: Final = Gauge("smsout_ingress_outstanding_messages", "Accepted, not yet acknowledged by the broker")

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
REPEATED: Final = Counter(
    "smsout_repeated_records_total", "Records that a restarted processor wrote again, passed over"
)
LAG: Final = Gauge("smsout_consumer_unfinished_records", "Records taken or waiting and not finished", ["agent"])

# HTTP towards carriers and customers
POSTS: Final = Counter("smsout_posts_total", "POST attempts, by outcome", ["stage", "outcome"])
POST_SECONDS: Final = Histogram(
    "smsout_post_seconds", "Time to a carrier's or an endpoint's answer", ["stage"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)  # fmt: skip

# directory
DIRECTORY_VERSION: Final = Gauge("smsout_directory_version", "Offset of the last applied record of sms.directory")
