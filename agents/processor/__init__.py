"""The one Faust hop: `sms.mt.submitted` in, `sms.mt.segmented` and `sms.mt.status` out.

records      one submitted record to the records it causes (pure)
repetitions  which submissions are not the first under their Idempotency-Key
app          the Faust app in its safe envelope
__main__     the process
"""
