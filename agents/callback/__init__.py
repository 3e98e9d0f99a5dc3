"""Posts notifications to customers' endpoints.

line_up     from a record to its turn: a notification that waits for its endpoint, unless nobody wants to have it
addressee   whom it goes to, or how it ends where that is nobody
identity    what its trunk shows beside the signature
posting     one POST, and what its end says about the endpoint
notify      one attempt
together    one attempt for each of several, in one POST
outcomes    what follows from how it went
reschedule  what follows when it fails: a place in a retry tier, or a dead letter
attempts    every attempt as an event
disabled    whose endpoint has answered 410
endpoints   trunks' endpoints as peers
ownership   what is read when partitions come
app         the wiring
"""
