"""Carriers, from the segment to the answer."""

from tests.dashboards.pages import Graph, Page, Row, quantiles

_NAMED = " * on (carrier) group_left (name) max by (carrier, name) (smsout_carrier_info)"

PAGE = Page(
    "delivery",
    "Delivery and carriers",
    "How segments get to carriers, how each carrier is, and what waits for it.",
    (
        Row(
            "Delivery",
            (
                Graph(
                    "POSTs by outcome",
                    "accepted nearly alone. not_taken is tried again, refused ends the message, in_doubt is"
                    " settled by the carrier's policy.",
                    "cps",
                    (('sum by (outcome) (rate(smsout_posts_total{stage="delivery"}[1m]))', "{{outcome}}"),),
                ),
                Graph(
                    "Time to the answer",
                    "Each carrier's own, mostly below 0.3 s.",
                    "s",
                    quantiles("smsout_post_seconds", where='{stage="delivery"}'),
                ),
                Graph(
                    "At work and waiting",
                    "POSTs in flight below SMSOUT_DELIVERY_CONNECTIONS (900); waiting and backlog near 0"
                    " unless a carrier is away or slow.",
                    "short",
                    (
                        ('sum(smsout_posts_in_flight{stage="delivery"})', "POSTs in flight"),
                        ('sum(smsout_turns_waiting{stage="delivery"})', "waiting in memory"),
                        ('sum(smsout_backlog_entries{agent="delivery"})', "backlog on disk"),
                    ),
                ),
                Graph(
                    "What becomes of messages",
                    "settled as accepted; waiting only while a carrier does not take them.",
                    "cps",
                    (('sum by (outcome) (rate(smsout_messages_total{stage="delivery"}[1m]))', "{{outcome}}"),),
                ),
                Graph(
                    "Retry tiers: pending",
                    "0. A carrier that is away fills them from the shortest to the longest.",
                    "short",
                    (('sum by (topic) (smsout_retry_pending_records{agent="delivery"})', "{{topic}}"),),
                ),
                Graph(
                    "Retry tiers: next one due in",
                    "Never more than the tier's own delay.",
                    "s",
                    (('max by (topic) (smsout_retry_next_due_seconds{agent="delivery"})', "{{topic}}"),),
                ),
                Graph(
                    "Segments per message",
                    "1 to 2 for ordinary texts. A rise is a rise in cost.",
                    "short",
                    (
                        (
                            "sum(rate(smsout_message_segments_sum[5m]))"
                            " / clamp_min(sum(rate(smsout_message_segments_count[5m])), 0.001)",
                            "mean",
                        ),
                    ),
                ),
                Graph(
                    "Marks and outcomes in one write",
                    "1 when idle, dozens under load.",
                    "short",
                    quantiles("smsout_group_commit_entries", where='{agent="delivery"}'),
                ),
            ),
        ),
        Row(
            "Receipts",
            (
                Graph(
                    "Receipts",
                    "taken, as the carriers send them. refused: not signed by us; not_stored: the broker is slow.",
                    "cps",
                    (("sum by (outcome) (rate(smsout_receipts_total[5m]))", "{{outcome}}"),),
                ),
                Graph(
                    "Questions to carriers that do not report",
                    "told and unsettled. failed: the carrier does not answer, or not as its profile says.",
                    "cps",
                    (("sum by (outcome) (rate(smsout_receipt_polls_total[5m])) or vector(0)", "{{outcome}}"),),
                ),
                Graph(
                    "Messages that wait for receipts",
                    "As the traffic of some hours: those whose end came lately are remembered too.",
                    "short",
                    (("sum(smsout_receipts_messages)", "messages"),),
                ),
                Graph(
                    "How messages ended",
                    "delivered nearly alone; unknown: the carrier has sent no receipt in time.",
                    "cps",
                    (
                        (
                            'sum by (outcome) (rate(smsout_messages_total{stage="receipts"}[5m])) or vector(0)',
                            "{{outcome}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Scheduled",
            (
                Graph(
                    "Messages that wait for their time",
                    "As customers schedule; each costs half a kilobyte of disk.",
                    "short",
                    (("sum(smsout_scheduled_messages)", "messages"),),
                ),
                Graph(
                    "Behind their time",
                    "0: nothing that is due waits. More than 2 s: the scheduler, or the broker, does not keep up.",
                    "s",
                    (("max(smsout_scheduled_behind_seconds)", "the longest due"),),
                ),
                Graph(
                    "From the time that was asked for to delivery",
                    "Below 0.5 s.",
                    "s",
                    (
                        (
                            "histogram_quantile(0.99, sum by (le) (rate(smsout_scheduled_late_seconds_bucket[5m])))",
                            "99 %",
                        ),
                        (
                            "histogram_quantile(0.5, sum by (le) (rate(smsout_scheduled_late_seconds_bucket[5m])))",
                            "half",
                        ),
                    ),
                ),
                Graph(
                    "What leaves the scheduler",
                    "released nearly alone; refused: what was allowed when it was scheduled is not any more.",
                    "cps",
                    (
                        (
                            'sum by (outcome) (rate(smsout_messages_total{stage="scheduler"}[5m])) or vector(0)',
                            "{{outcome}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Carriers",
            (
                Graph(
                    "POSTs by carrier",
                    "As the routes share them out.",
                    "cps",
                    (("sum by (carrier) (rate(smsout_carrier_posts_total[1m]))" + _NAMED, "{{name}}"),),
                ),
                Graph(
                    "Not accepted, by carrier",
                    "0 %. One carrier alone: theirs. All of them: ours.",
                    "percentunit",
                    (
                        (
                            'sum by (carrier) (rate(smsout_carrier_posts_total{outcome!="accepted"}[5m]))'
                            " / clamp_min(sum by (carrier) (rate(smsout_carrier_posts_total[5m])), 0.001)" + _NAMED,
                            "{{name}}",
                        ),
                    ),
                ),
                Graph(
                    "Breaker",
                    "0: all is well. 1: being tried again. 2: left alone.",
                    "short",
                    (("max by (carrier) (smsout_carrier_breaker_state)" + _NAMED, "{{name}}"),),
                ),
                Graph(
                    "Left alone, times an hour",
                    "0. Again and again: it takes some, and then it does not.",
                    "short",
                    (
                        (
                            "sum by (carrier) (increase(smsout_carrier_breaker_opened_total[1h]))" + _NAMED,
                            "{{name}}",
                        ),
                    ),
                ),
                Graph(
                    "Waits for an operator",
                    "0. 1: the carrier takes nothing until somebody acts: money, a key, a registration.",
                    "short",
                    (("max by (carrier) (smsout_carrier_needs_operator) or vector(0)", "{{carrier}}"),),
                ),
                Graph(
                    "Pace",
                    "At the carrier's own limit. Lower: it asks for less (429), or fails.",
                    "short",
                    (("sum by (carrier) (smsout_carrier_pace)" + _NAMED, "{{name}}"),),
                ),
            ),
        ),
    ),
)
