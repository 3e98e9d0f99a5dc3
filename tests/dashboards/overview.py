"""Is everything well?"""

from tests.dashboards.pages import Graph, Number, Page, Row, quantiles

PAGE = Page(
    "overview",
    "Overview",
    "From the request to the callback, on one page: look here first. Each panel says what normal looks like.",
    (
        Row(
            "Now",
            (
                Number(
                    "Processes not ready",
                    "0. While something restarts, for some seconds, 1 or more.",
                    "short",
                    'count(up{job="smsout"} == 0 or smsout_ready == 0) or vector(0)',
                    1,
                    2,
                ),
                Number(
                    "Accepted",
                    "Whatever your customers send now; 0 only when nobody sends.",
                    "cps",
                    "sum(rate(smsout_ingress_messages_accepted_total[1m]))",
                ),
                Number(
                    "Requests refused by us",
                    "0 %. 5xx answers: the broker is slow or away.",
                    "percentunit",
                    'sum(rate(smsout_ingress_requests_total{status=~"5.."}[5m]))'
                    " / clamp_min(sum(rate(smsout_ingress_requests_total[5m])), 0.001)",
                    0.001,
                    0.01,
                ),
                Number(
                    "Oldest message at work",
                    "Below 2 s. More: a stage is behind, or a carrier is slow.",
                    "s",
                    'max(smsout_topic_oldest_unfinished_seconds{topic=~"sms.mt.(submitted|segmented)"})',
                    10,
                    60,
                ),
                Number(
                    "Dead letters, last hour",
                    "0. Each one wants somebody's look: `smsout dead-letters list`.",
                    "short",
                    "sum(increase(smsout_dead_letters_total[1h]))",
                    1,
                    100,
                ),
                Number(
                    "Carriers left alone",
                    "0. A carrier whose breaker is open gets nothing but probes.",
                    "short",
                    "count(max by (carrier) (smsout_carrier_breaker_state) > 0) or vector(0)",
                    1,
                    2,
                ),
            ),
        ),
        Row(
            "Messages",
            (
                Graph(
                    "Messages by stage",
                    "All lines lie on each other: what comes in goes out. A stage whose line is lower is"
                    " behind; a gap between accepted and routed that stays are messages of direct producers.",
                    "cps",
                    (
                        ("sum(rate(smsout_ingress_messages_accepted_total[1m]))", "accepted"),
                        ('sum(rate(smsout_messages_total{stage="processor", outcome="routed"}[1m]))', "routed"),
                        ('sum(rate(smsout_messages_total{stage="delivery", outcome="settled"}[1m]))', "delivered"),
                        ('sum(rate(smsout_messages_total{stage="callback", outcome="notified"}[1m]))', "notified"),
                    ),
                    wide=True,
                ),
                Graph(
                    "Accepted to carrier",
                    "Median 10 to 30 ms, 99 % below 1 s. Retries show as minutes.",
                    "s",
                    quantiles("smsout_accepted_to_end_seconds", where='{stage="to_carrier"}'),
                ),
                Graph(
                    "Accepted to callback",
                    "Median 15 to 50 ms, 99 % below 2 s; an endpoint that is away shows as minutes.",
                    "s",
                    quantiles("smsout_accepted_to_end_seconds", where='{stage="to_callback"}'),
                ),
                Graph(
                    "Messages that failed",
                    "Few, and mostly the customers' own: source_not_allowed, no_routes_found.",
                    "cps",
                    (
                        (
                            "sum by (stage, code) (rate(smsout_failed_messages_total[5m])) > 0 or vector(0)",
                            "{{stage}} {{code}}",
                        ),
                    ),
                ),
                Graph(
                    "Stopped for a limit by number",
                    "0, or a trickle of people who are in a hurry. Much of number or range is pumping, of same_text"
                    " a customer's program that repeats itself; forgotten is what limits cannot look back to any more.",
                    "cps",
                    (
                        ("sum by (limit) (rate(smsout_processor_stopped_messages_total[5m]))", "{{limit}}"),
                        ("sum(rate(smsout_processor_forgotten_messages_total[5m]))", "forgotten"),
                    ),
                ),
                Graph(
                    "Spend per hour",
                    "As the traffic. By currency of the routes' prices.",
                    "short",
                    (("sum by (currency) (increase(smsout_spend_total[1h]))", "{{currency}}"),),
                ),
            ),
        ),
        Row(
            "Processes",
            (
                Graph(
                    "CPU",
                    "Together about 400 us per message. One core is what one process can use at most.",
                    "percentunit",
                    (('rate(process_cpu_seconds_total{job="smsout"}[1m])', "{{process}} {{instance}}"),),
                ),
                Graph(
                    "Memory",
                    "Flat: 60 to 150 MB each, and what the directory needs.",
                    "bytes",
                    (('process_resident_memory_bytes{job="smsout"}', "{{process}} {{instance}}"),),
                ),
                Graph(
                    "Age of the process",
                    "Rising lines. A line that falls to 0 is a restart.",
                    "s",
                    (('time() - process_start_time_seconds{job="smsout"}', "{{process}} {{instance}}"),),
                ),
                Graph(
                    "Processes by version",
                    "One version, but while an upgrade is under way.",
                    "none",
                    (("count by (version) (smsout_build_info)", "{{version}}"),),
                ),
                Graph(
                    "Directory version",
                    "One line: every process has the same. One that stays behind cannot hear the broker.",
                    "none",
                    (("smsout_directory_version > 0", "{{process}} {{instance}}"),),
                ),
            ),
        ),
    ),
)
