"""Topics, lag and the broker's disks."""

from tests.dashboards.pages import Graph, Page, Row

PAGE = Page(
    "kafka",
    "Kafka and lag",
    "What waits in topics, for how long, what nobody could read, and how much room the brokers have left.",
    (
        Row(
            "Lag",
            (
                Graph(
                    "Not committed, by group",
                    "Below a second's traffic, and for `-retry` groups what is pending. A line that only"
                    " rises: nobody works on it.",
                    "short",
                    (("sum by (group, topic) (smsout_group_lag_records) > 0 or vector(0)", "{{group}} {{topic}}"),),
                    wide=True,
                ),
                Graph(
                    "Oldest record at work",
                    "Below 2 s on main topics; as old as the carrier's or endpoint's trouble elsewhere.",
                    "s",
                    (("max by (topic) (smsout_topic_oldest_unfinished_seconds) > 0 or vector(0)", "{{topic}}"),),
                ),
                Graph(
                    "Unfinished, as the agents see it",
                    "Hundreds under load, 0 when idle.",
                    "short",
                    (("sum by (topic) (smsout_topic_unfinished_records) > 0 or vector(0)", "{{topic}}"),),
                ),
            ),
        ),
        Row(
            "Refused records",
            (
                Graph(
                    "Dead letters per hour",
                    "0. `smsout dead-letters list` shows them with their reasons.",
                    "short",
                    (
                        (
                            "sum by (stage, reason) (increase(smsout_dead_letters_total[1h])) > 0 or vector(0)",
                            "{{stage}} {{reason}}",
                        ),
                    ),
                ),
                Graph(
                    "Records passed over",
                    "0, but after a restart: what had been finished before it.",
                    "cps",
                    (("sum by (process) (rate(smsout_repeated_records_total[5m]))", "{{process}}"),),
                ),
            ),
        ),
        Row(
            "Brokers",
            (
                Graph(
                    "Room on the brokers' disks",
                    "Above 30 %. A broker whose disk is full stops everything.",
                    "percentunit",
                    (
                        (
                            "smsout_broker_disk_free_bytes / smsout_broker_disk_size_bytes",
                            "broker {{broker}} {{folder}}",
                        ),
                    ),
                ),
                Graph(
                    "Largest topics",
                    "Flat once retention (7 to 30 days) has set in.",
                    "bytes",
                    (("topk(10, smsout_topic_bytes)", "{{topic}}"),),
                ),
                Graph(
                    "Looks of the panel at the broker",
                    "answered six times a minute; failed 0: the broker is away, or access is missing.",
                    "cpm",
                    (("sum by (outcome) (rate(smsout_broker_looks_total[5m])) * 60", "{{outcome}}"),),
                ),
                Graph(
                    "Since the broker was last heard of",
                    "Below 2 s, in every process: the age of its view of the directory.",
                    "s",
                    (("time() - (smsout_directory_heard_timestamp_seconds > 0)", "{{process}} {{instance}}"),),
                ),
                Graph(
                    "Since the directory last changed",
                    "As often as somebody changes something in the panel.",
                    "s",
                    (("time() - max(smsout_directory_changed_timestamp_seconds > 0)", "age"),),
                ),
            ),
        ),
    ),
)
