"""Posts notifications to customers' endpoints.

read        a record becomes a notification: what to say, the how-manieth attempt, to which trunk's endpoint
line_up     from a record to its turn: what nobody is to be told of ends, all else waits for its endpoint
notify      one attempt
reschedule  what follows when it fails: a place in a retry tier, or a dead letter
attempts    every attempt as an event
disabled    whose endpoint has answered 410
endpoints   trunks' endpoints as peers
memory      what a backlog needed goes back to the system
ownership   what is read when partitions come
app         the wiring
"""
