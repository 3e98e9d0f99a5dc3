"""Topics read outside of any group: followed into memory, or read for somebody who asks.

topic_follower    partitions read to their end, and on: what the others here are made of
topic_view        a topic in memory: what most of those below are
topic_reader      a stretch of a topic
directory_view    follows sms.directory into a `pipeline.directory.model.Directory`
opt_outs_view     follows sms.opted-out into `pipeline.opt_outs.OptOuts`
living_view       which processes of ingress there are
counts_view       what trunks have used up of their days
screens_view      what has lately gone out to numbers, and what was stopped
account_screens_view  the same of accounts, whoever lets it out
claims_view       follows sms.mt.submitted into a store of Idempotency-Keys
cancellations_view  follows sms.cancel.requested as far back as a message may live
callback_history  what became of notifications
message_places    where a message is that does not get further
topics_feed       several topics, from where the reader keeps account of
"""
