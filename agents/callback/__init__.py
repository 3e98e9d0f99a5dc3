"""Posts notifications to customers' endpoints.

line_up     from a record to its turn: a notification that waits for its endpoint, unless nobody wants to have it
notify      one attempt
reschedule  what follows when it fails: a place in a retry tier, or a dead letter
attempts    every attempt as an event
disabled    whose endpoint has answered 410
endpoints   trunks' endpoints as peers
memory      what a backlog needed goes back to the system
ownership   what is read when partitions come
app         the wiring
"""
