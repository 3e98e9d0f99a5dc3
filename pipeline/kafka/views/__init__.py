"""Topics read outside of any group: followed into memory, or read for somebody who asks.

topic_follower    partitions read to their end, and on: what the others here are made of
topic_reader      a stretch of a topic
directory_view    follows sms.directory into a `pipeline.directory.model.Directory`
claims_view       follows sms.mt.submitted into a store of Idempotency-Keys
callback_history  what became of notifications
message_places    where a message is that does not get further
topics_feed       several topics, from where the reader keeps account of
"""
