"""A group member: hands out records and commits what is finished.

consumer         hands out records, and commits the finished prefix
pauses           which partitions rest, full or not due
ack_tracker      which offsets are finished, and how far a commit may go
finished_ranges  what is finished beyond a record that is not, as text that rides on a commit
commits          the commits, what rides on them, and the proof of membership that they are
handoff          a record's place in the next tier and its commit, in one transaction
retry_tiers      a consumer of every delay tier of a family
journal          the delivery journal: written beside the work, read back after a restart
watchdog         ends a process whose partitions have work that does not move
unreadable_row   how many records right before an offset are dead letters
"""
