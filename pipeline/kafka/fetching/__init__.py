"""What a fetch brings: batches of records, read so that nothing that lies in a topic can end its reader.

unpacking  the four codecs, with a bound on what comes out
batch      one batch in its bytes: what its header says, whether its checksum is right, its records
legacy     the same of message formats 0 and 1, which old segments may still hold
records    the records of one partition's fetch, in the place of aiokafka's own
guard      puts that in its place, for every consumer of the process

What cannot be read as a whole comes as one record, whose value is an `UnreadableBatch` (schemas/record.py): its offset
is known, commits pass it, and whoever works on the topic makes a dead letter of it as of any other bad record.
"""
