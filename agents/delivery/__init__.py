"""Posts segments to carriers: `sms.mt.segmented` and its retry tiers in, `sms.mt.status` out.

read          a record becomes a message
intake        what waits for each carrier, and what waits elsewhere instead
gate          whether a carrier may be asked now: its breaker, its pace
deliver       one message, from its carrier's gate to its end
message_run   its segments, with their marks in the journal
carrier_line  one segment to the carrier, and what came of it
write         what was found out becomes records, in groups
__main__      the process
"""
