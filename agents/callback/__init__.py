"""Posts notifications to customers' endpoints.

read       a record becomes a notification: what to say, the how-manieth attempt, to which trunk's endpoint
pool       workers in two lanes, of which one endpoint gets only a share; what may not wait is deferred
notify     one attempt, and what follows from its outcome
following  a place in a retry tier, or a dead letter
attempts   every attempt as an event
disabled   whose endpoint has answered 410
memory     what a backlog needed goes back to the system
app        the wiring
"""
