"""Posts segments to carriers: `sms.mt.segmented` and its retry tiers in, `sms.mt.status` out.

deliver       one record, from reading it to its end
message_run   one message's segments, with their marks in the journal
carrier_line  one segment to the carrier, and what came of it
__main__      the process
"""
