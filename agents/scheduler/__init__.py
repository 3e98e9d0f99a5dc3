"""Keeps messages until their time: `sms.mt.scheduled` and `sms.cancel.requested` in, `sms.mt.segmented` out.

What comes is written to `sms.mt.deferred` with the commit that passes it, and is known when it is read back there; what
leaves is written together with the record that says it does not wait any more. So all that is known is in one topic, in
one order, and nothing comes or goes twice, whatever is killed.

intake     records that come, on their way to that topic
known      what the topic says, on disk
release    what is due, or cancelled, leaves
app        the wiring
__main__   the process
"""
