"""The message log: does it keep up, and does it answer?"""

from tests.dashboards.pages import Graph, Page, Row, quantiles

PAGE = Page(
    "message-log",
    "Message log",
    "Whether what is told of messages is current, what it costs to write, and who asks.",
    (
        Row(
            "Writing",
            (
                Graph(
                    "Records behind, by topic",
                    "Below a second's traffic; thousands after a restart, for as long as it catches up.",
                    "short",
                    (('sum by (topic) (smsout_topic_unfinished_records{agent="message_log"})', "{{topic}}"),),
                    wide=True,
                ),
                Graph(
                    "Records written",
                    "About five for each message of one segment.",
                    "cps",
                    (("sum(rate(smsout_message_log_records_total[1m]))", "records"),),
                ),
                Graph(
                    "Time to write a batch",
                    "Below 0.3 s under load. A rise alone: the database is slow.",
                    "s",
                    quantiles("smsout_message_log_batch_seconds"),
                ),
                Graph(
                    "Records passed over",
                    "0, but for days that are not kept any more after a long stop.",
                    "cps",
                    (
                        (
                            "sum by (reason) (rate(smsout_message_log_passed_over_total[5m])) or vector(0)",
                            "{{reason}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Answering",
            (
                Graph(
                    "Requests by status",
                    "200 nearly alone. 401: wrong credentials; 5xx: the database is away.",
                    "cps",
                    (
                        (
                            "sum by (status) (rate(smsout_message_log_requests_total[5m])) or vector(0)",
                            "{{status}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
