"""One carrier."""

from tests.dashboards.pages import Choice, Graph, Page, Row, quantiles

PAGE = Page(
    "carrier",
    "One carrier",
    "How a carrier answers, how much it is sent, and what it costs.",
    (
        Row(
            "$carrier",
            (
                Graph(
                    "POSTs by outcome",
                    "accepted nearly alone.",
                    "cps",
                    (('sum by (outcome) (rate(smsout_carrier_posts_total{carrier="$carrier"}[1m]))', "{{outcome}}"),),
                ),
                Graph(
                    "Time to the answer",
                    "The carrier's own; a rise comes before its trouble.",
                    "s",
                    quantiles("smsout_carrier_post_seconds", where='{carrier="$carrier"}'),
                ),
                Graph(
                    "Pace and use",
                    "In flight below the pace, the pace at the carrier's limit.",
                    "short",
                    (
                        ('sum(smsout_carrier_pace{carrier="$carrier"})', "pace"),
                        ('sum(smsout_carrier_posts_in_flight{carrier="$carrier"})', "in flight"),
                    ),
                ),
                Graph(
                    "Segments a second, and how many it may have",
                    "Below the limit, where there is one.",
                    "cps",
                    (
                        ('sum(rate(smsout_carrier_posts_total{carrier="$carrier"}[1m]))', "posted"),
                        ('sum(smsout_carrier_segments_per_second{carrier="$carrier"})', "limit"),
                    ),
                ),
                Graph(
                    "Breaker",
                    "0. 1: being tried again, 2: left alone.",
                    "short",
                    (('max(smsout_carrier_breaker_state{carrier="$carrier"})', "state"),),
                ),
                Graph(
                    "Spend per hour",
                    "As the traffic. By currency of its prices.",
                    "short",
                    (('sum by (currency) (increase(smsout_spend_total{carrier="$carrier"}[1h]))', "{{currency}}"),),
                ),
            ),
        ),
    ),
    Choice("carrier", "Carrier", "smsout_carrier_info", "carrier", "name"),
)
