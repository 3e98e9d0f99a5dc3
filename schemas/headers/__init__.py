"""What rides in Kafka headers, beside a record's bytes.

causation    which submitted record a record was made from
dead_letter  where a refused record came from, and why it was refused
parked       where a record was read that waits for its peer, and in whose line
trace        which trace a message belongs to
"""
