"""A group member: hands out records and commits what is finished.

consumer     hands out records, and commits the finished prefix
rebalances   partitions come and go: what is done before the first record and after the last
lag          how much is left to do
pauses       which partitions rest, full or not due
partition/   one partition while it is ours
work         a record in the hands of a worker
commits      the commits, and the proof of membership that they are
handoff      a record's place in the next tier and its commit, in one transaction
parking      moves what waits long out of the way of commits
retry_tiers  a consumer of every delay tier of a family
journal      the delivery journal: how far it goes, and what it tells after a restart
watchdog     ends a process whose partitions have work that does not move
"""
