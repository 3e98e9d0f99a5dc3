"""Messages that wait for their time, and wishes that something be cancelled: pure, or on disk; no topics in here.

deferred_store  what waits and what was cancelled, on disk
deferred_row    one record of the scheduler's topic, as its store keeps it
due             what becomes of a message when its time has come, or when it is cancelled
cancellations   what was cancelled lately, for whoever is about to hand a message to a carrier
"""
