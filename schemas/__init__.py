"""What travels: every record on a topic, as a frozen pydantic model.

record       a Kafka record as it comes and as it goes, and the base of its values: strict, JSON, schema_version
unchecked    the fast way to write one, for the records of the hot path
identifiers  message, segment, trunk and account ids, and how a missing one is derived
text/        what a text is: characters, places that are filled, what may be changed of it
address      phone numbers as they travel: E.164 digits without a plus
urls         what a URL that is posted to must look like
messages/    a message, from its submission to its callbacks
state/       what an agent keeps in a topic, to know it again when it has died
directory/   accounts, DIDs, trunks, carriers, routes, people; who changed them
opt_out      who wants no messages of an account
headers/     what rides in Kafka headers beside the bytes
topics       the catalogue: name, key, model, partitions, retention, dead-letter topic
"""
