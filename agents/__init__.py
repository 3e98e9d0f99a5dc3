"""Who runs it: one folder, one process, one consumer group.

ingress        takes requests, answers 201 when the broker has them
processor      authorizes, encodes, segments and routes (Faust)
scheduler      keeps messages until their time
delivery       posts segments to carriers
receipts       rolls receipts up into one final status a message
callback       posts notifications to customers, with retries
panel          the web panel and the management API; the only writer of the directory
message_log    the read model behind look-ups, and the door to it
simulator      a practice carrier and a callback inbox
certificates   until when they are valid
clock          says when it was put forward or back
core_dumps     that there are none, because of what is in memory
priority       who has how much of a full machine
memory         what a backlog needed goes back to the system
serving        what HTTP servers have in common
runtime        what every process has: logs, health, signals
exit_codes     how a process ends when it fails
workers        tasks that an agent makes while it runs
posting_agent  what delivery and callback have in common as processes

local          all of them on one machine, with a broker
commands       the `smsout` command

Agents never import each other; they meet only through topics.
"""
