"""Customers' endpoints."""

from tests.dashboards.pages import Graph, Number, Page, Row, quantiles

PAGE = Page(
    "callbacks",
    "Callbacks",
    "How customers' endpoints take their notifications. One that is away delays nobody else.",
    (
        Row(
            "Endpoints",
            (
                Number(
                    "Left alone now",
                    "Few: endpoints that nothing is posted to but probes.",
                    "short",
                    "sum(smsout_callback_open_breakers)",
                    5,
                    50,
                ),
                Number(
                    "Slow",
                    "Few: they have places of their own, and delay nobody else.",
                    "short",
                    "sum(smsout_callback_slow_endpoints)",
                    5,
                    50,
                ),
                Number(
                    "Disabled",
                    "0. They have answered 410; their customers enable them again in the panel.",
                    "short",
                    "max(smsout_callback_disabled_endpoints)",
                    1,
                    10,
                ),
            ),
        ),
        Row(
            "Attempts",
            (
                Graph(
                    "POSTs by outcome",
                    "accepted nearly alone. answered: another status than 2xx.",
                    "cps",
                    (('sum by (outcome) (rate(smsout_posts_total{stage="callback"}[1m]))', "{{outcome}}"),),
                ),
                Graph(
                    "Time to the answer",
                    "The endpoints' own, mostly below 0.3 s; 15 s is the time-out.",
                    "s",
                    quantiles("smsout_post_seconds", where='{stage="callback"}'),
                ),
                Graph(
                    "Accepted to callback",
                    "Median 15 to 50 ms, 99 % below 2 s.",
                    "s",
                    quantiles("smsout_accepted_to_end_seconds", where='{stage="to_callback"}'),
                ),
                Graph(
                    "At work and waiting",
                    "In flight below 3 x SMSOUT_CALLBACK_WORKERS; backlog is what waits for endpoints that are away.",
                    "short",
                    (
                        ('sum(smsout_posts_in_flight{stage="callback"})', "POSTs in flight"),
                        ('sum(smsout_turns_waiting{stage="callback"})', "waiting in memory"),
                        ('sum(smsout_backlog_entries{agent="callback"})', "backlog on disk"),
                    ),
                ),
                Graph(
                    "What becomes of notifications",
                    "notified. exhausted: given up after the last attempt, a dead letter.",
                    "cps",
                    (('sum by (outcome) (rate(smsout_messages_total{stage="callback"}[1m]))', "{{outcome}}"),),
                ),
                Graph(
                    "Retry tiers: pending",
                    "What a few endpoints have not taken; the longest tier lasts a day.",
                    "short",
                    (('sum by (topic) (smsout_retry_pending_records{agent="callback"})', "{{topic}}"),),
                ),
                Graph(
                    "Retry tiers: next one due in",
                    "Never more than the tier's own delay.",
                    "s",
                    (('max by (topic) (smsout_retry_next_due_seconds{agent="callback"})', "{{topic}}"),),
                ),
                Graph(
                    "Attempts in one write",
                    "1 when idle, dozens under load.",
                    "short",
                    quantiles("smsout_group_commit_entries", where='{agent="callback"}'),
                ),
                Graph(
                    "Trunks whose endpoint fails most",
                    "Near 0.",
                    "cps",
                    (
                        (
                            'topk(10, sum by (trunk) (rate(smsout_trunk_callbacks_total{outcome="failed"}[5m])))'
                            " * on (trunk) group_left (name) max by (trunk, name) (smsout_trunk_info)",
                            "{{name}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
