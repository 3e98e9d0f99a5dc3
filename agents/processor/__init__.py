"""The one Faust hop: `sms.mt.submitted` in, `sms.mt.segmented` and `sms.mt.status` out.

records      one submitted record to the records it causes (pure)
repetitions  which submissions are not the first under their Idempotency-Key
counting     what is counted of messages: taken over, taken back, and written before what follows
brake        of a long row of records that cannot be read only where they lie is kept
driver       Faust's way to Kafka, read committed and bounded
worker       takes records, writes what they cause, and acks them
app          the Faust app in its safe envelope
__main__     the process
"""
