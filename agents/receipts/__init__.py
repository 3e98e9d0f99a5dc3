"""Rolls receipts up: `sms.mt.status` and `sms.dlr.received` in, one final status for each message out.

gather     records and time become statuses, written together with what is known from then on
poller     carriers that do not report by themselves are asked
ownership  what is read when partitions come
app        the wiring
__main__   the process
"""
