"""What happens to a message, step by step.

1 admission      a request or a record becomes a Submission, or a list of everything wrong with it
2 authorization  may this trunk send from this source to this destination?
3 encoding       GSM-7 or UCS-2
4 segmentation   the text, cut into segments with their user data headers
5 routing        which carrier
6 carriers/      a segment becomes a POST, and the answer an outcome
7 notification   a status becomes the contract's callback body
8 callbacks/     signing, the retry schedule, which addresses may be called

processing composes steps 2 to 5; submitted_record reads what they get. journal and origin tell what a restart must not
do again, idempotency which of several submissions with one key is sent; lanes keeps the order of one destination.
directory is what the steps look things up in.

Edges: kafka/ (producer, consumer, directory, topics), http_poster, dead_letters.
Shared by all: errors, settings, metrics, failpoints.
A step knows neither Kafka nor an HTTP server.
"""
