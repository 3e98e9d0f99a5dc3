"""The broker's edge: the only files of `pipeline` that import aiokafka.

client          connection settings for every client, and one clear error when nobody answers
producer        many records to the broker in few requests, each acknowledged
group_commit    callers wait for the broker together: what arrives during one request shares the next
consumer        a group member that hands out records and commits the finished prefix
pauses          which partitions of a consumer rest, full or not due
ack_tracker     which offsets are finished, and how far a commit may go
finished_ranges what is finished beyond a record that is not, as text that rides on a commit
commits         the commits, what rides on them, and the proof of membership that they are
committed       what a group has committed, with its metadata
standings       how far a group is with its topics, as the broker itself says
group_members   how many members consumer groups have
watchdog        ends a process whose partitions have work that does not move
unreadable_row  how many records right before an offset are dead letters
handoff         a record's place in the next tier and its commit, in one transaction
retry_tiers     a consumer of every delay tier of a family
journal         the delivery journal on its topic: written beside the work, read back after a restart
claims_view     follows sms.mt.submitted into a store of Idempotency-Keys
directory_view  follows sms.directory into a `pipeline.directory.Directory`
directory_writer the one fenced, read-your-writes writer of sms.directory
writer_liveness whether the writer that has claimed the directory is still alive
offsets_since   where in a topic a moment lies
topic_reader    a stretch of a topic, for somebody who asks
topic_admin     creates the catalogue's topics and reports drift
"""
