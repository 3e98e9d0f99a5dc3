"""One trunk."""

from tests.dashboards.pages import Choice, Graph, Page, Row

PAGE = Page(
    "trunk",
    "One trunk",
    "A customer's trunk from its requests to its endpoint. Beyond the 200th of a process they are counted as `others`.",
    (
        Row(
            "$trunk",
            (
                Graph(
                    "Requests",
                    "accepted nearly alone, beside it previewed; refused are 4xx of the customer's, or 429 and 503.",
                    "reqps",
                    (('sum by (outcome) (rate(smsout_trunk_requests_total{trunk="$trunk"}[5m]))', "{{outcome}}"),),
                ),
                Graph(
                    "Messages at the carrier",
                    "sent as accepted. failed: see the message log for the code.",
                    "cps",
                    (('sum by (outcome) (rate(smsout_trunk_messages_total{trunk="$trunk"}[5m]))', "{{outcome}}"),),
                ),
                Graph(
                    "Attempts to notify",
                    "accepted. failed are tried again for 75 hours; the trunk's page in the panel has each.",
                    "cps",
                    (('sum by (outcome) (rate(smsout_trunk_callbacks_total{trunk="$trunk"}[5m]))', "{{outcome}}"),),
                ),
                Graph(
                    "Share that failed",
                    "0 %.",
                    "percentunit",
                    (
                        (
                            'sum(rate(smsout_trunk_messages_total{trunk="$trunk", outcome="failed"}[5m]))'
                            ' / clamp_min(sum(rate(smsout_trunk_messages_total{trunk="$trunk"}[5m])), 0.001)',
                            "messages",
                        ),
                        (
                            'sum(rate(smsout_trunk_callbacks_total{trunk="$trunk", outcome="failed"}[5m]))'
                            ' / clamp_min(sum(rate(smsout_trunk_callbacks_total{trunk="$trunk"}[5m])), 0.001)',
                            "callbacks",
                        ),
                    ),
                ),
            ),
        ),
    ),
    Choice("trunk", "Trunk", "smsout_trunk_info", "trunk", "name"),
)
