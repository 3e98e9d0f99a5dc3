"""The broker's edge: the only files of `pipeline` that import aiokafka.

client          connection settings for every client, and one clear error when nobody answers
producer        many records to the broker in few requests, each acknowledged
group_commit    callers wait for the broker together: what arrives during one request shares the next
consumer        a group member that hands out records and commits the finished prefix
ack_tracker     which offsets are finished, and how far a commit may go
directory_view  follows sms.directory into a `pipeline.directory.Directory`
directory_writer the one fenced, read-your-writes writer of sms.directory
topic_admin     creates the catalogue's topics and reports drift
"""
