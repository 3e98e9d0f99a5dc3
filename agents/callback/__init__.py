"""Posts notifications to customers' endpoints.

read     a record becomes a notification: what to say, the how-manieth attempt, to which trunk's endpoint
notify   one attempt, and what follows from its outcome
pool     a fixed set of workers, of which one endpoint gets only a share
app      the wiring
"""
