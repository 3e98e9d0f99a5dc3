"""One partition while it is ours: what is handed out, what is done, and what its commit says.

assignment       all of it, as consumers and workers use it
ack_tracker      which offsets are finished, and how far a commit may go
finished_ranges  what is finished beyond a record that is not, as text that rides on a commit
repetitions      which records were made before already, by a processor that was restarted
low_water        from where on a restart reads the journal
commit_metadata  what rides on a commit, as text and parsed
"""
