"""Posts segments to carriers: `sms.mt.segmented` and its retry tiers in, `sms.mt.status` out.

line_up       from a record to its turn: a message that waits for its carrier; what was begun is settled first
deliver       one message, from its turn to its end
figures       what ends leave behind in the metrics
sending       its segments, one after the other
marks         their marks in the journal
carrier_line  one segment to the carrier, and what came of it
trace         the spans of a message that is traced
write         what was found out becomes records, in groups
rates         how many segments a second carriers and trunks may have
carriers      carriers as peers
ownership     what is read when partitions come
app           the wiring
__main__      the process
"""
