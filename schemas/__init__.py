"""What travels: every record on a topic, as a frozen pydantic model.

record       a Kafka record as it comes and as it goes, and the base of its values: strict, JSON, schema_version
unchecked    the fast way to write one, for the records of the hot path
identifiers  message, segment, trunk and account ids, and how a missing one is derived
characters   what a character is called
address      phone numbers as they travel: E.164 digits without a plus
labels       what a customer calls a message: a reference and tags
submission   what a customer or a producer asks for: one text to 1..1000 destinations
mt_message   one message to one destination, encoded, cut into segments and routed; and one that waits for a retry
status       what became of a message, and the contract's code_id table
journal      delivery's marks: about to send, and what came of it
dlr          a carrier's delivery receipt for one segment
roll_up      what is known of messages whose receipts are not all in
callback     one notification that waits in a retry tier for its next attempt
directory/   accounts, DIDs, trunks, carriers, routes, people; who changed them
remembered   what the panel remembers of those who use it
headers/     what rides in Kafka headers beside the bytes
topics       the catalogue: name, key, model, partitions, retention, dead-letter topic
"""
