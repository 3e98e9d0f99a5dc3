"""Requests and their answers."""

from tests.dashboards.pages import Graph, Page, Row, quantiles

PAGE = Page(
    "ingress",
    "Ingress",
    "What customers send, how they are answered, and how much company a request finds on its way to the broker.",
    (
        Row(
            "Requests",
            (
                Graph(
                    "Answers by status",
                    "201 nearly alone. 4xx are the customers' own; 429 and 503 say that it is too much, or"
                    " that the broker is slow; 500 is a fault of ours.",
                    "reqps",
                    (("sum by (status) (rate(smsout_ingress_requests_total[1m])) > 0 or vector(0)", "{{status}}"),),
                    wide=True,
                ),
                Graph(
                    "Beyond a limit of requests per second",
                    "0, or as your customers are: 429 for what is more than a trunk or its account may send. The"
                    " processes that share the limits are as many as run.",
                    "short",
                    (
                        ("sum by (limit) (rate(smsout_ingress_limited_requests_total[5m]))", "{{limit}}"),
                        ("max(smsout_ingress_processes)", "processes"),
                    ),
                ),
                Graph(
                    "Time to the answer",
                    "Median 3 to 10 ms, 99 % below 100 ms: most of it is the broker's acknowledgement.",
                    "s",
                    quantiles("smsout_ingress_request_seconds"),
                ),
                Graph(
                    "Waiting for the broker",
                    "Below 100. At SMSOUT_INGRESS_MAX_OUTSTANDING (5000) requests get 503.",
                    "short",
                    (("sum by (instance) (smsout_ingress_outstanding_messages)", "{{instance}}"),),
                ),
                Graph(
                    "Submissions in one record",
                    "1 when idle, dozens under load: that is what makes load cheap.",
                    "short",
                    quantiles("smsout_group_commit_entries", where='{agent="ingress"}'),
                ),
                Graph(
                    "Idempotency-Keys",
                    "holds: new ones. repeats: a client has asked again, and got the same message."
                    " conflicts: one key for two requests, a client's fault.",
                    "cps",
                    (("sum by (stage, outcome) (rate(smsout_idempotency_keys_total[5m]))", "{{stage}} {{outcome}}"),),
                ),
            ),
        ),
        Row(
            "Connections",
            (
                Graph(
                    "Open connections",
                    "Far below 2000 for ingress, 1000 for the panel.",
                    "short",
                    (("sum by (server) (smsout_http_connections)", "{{server}}"),),
                ),
                Graph(
                    "Connections turned away",
                    "0. bound `address`: one client opens too many; `all`: it is too many together.",
                    "cps",
                    (
                        (
                            "sum by (server, bound) (rate(smsout_http_connections_refused_total[5m]))",
                            "refused {{server}} {{bound}}",
                        ),
                        (
                            "sum by (server, bound) (rate(smsout_http_connections_closed_total[5m]))",
                            "closed {{server}} {{bound}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Trunks",
            (
                Graph(
                    "Busiest trunks",
                    "Your customers' own rhythm.",
                    "reqps",
                    (
                        (
                            "topk(10, sum by (trunk) (rate(smsout_trunk_requests_total[5m])))"
                            " * on (trunk) group_left (name) max by (trunk, name) (smsout_trunk_info)",
                            "{{name}}",
                        ),
                    ),
                ),
                Graph(
                    "Days that are used up most",
                    "Below 80 %. At 100 % the rest of the day is refused: code 100 in the statuses.",
                    "percentunit",
                    (
                        (
                            "topk(10, max by (whose, name, limit) (smsout_day_limit_used_ratio))",
                            "{{whose}} {{name}} {{limit}}",
                        ),
                    ),
                ),
                Graph(
                    "Trunks that are refused most",
                    "Near 0. One that stands out sends what is wrong, or too much.",
                    "reqps",
                    (
                        (
                            'topk(10, sum by (trunk) (rate(smsout_trunk_requests_total{outcome="refused"}[5m])))'
                            " * on (trunk) group_left (name) max by (trunk, name) (smsout_trunk_info)",
                            "{{name}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
