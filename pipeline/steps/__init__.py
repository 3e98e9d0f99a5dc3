"""From what somebody asks for to a message that is ready for its carrier. Pure: no broker, no HTTP, no clock.

admission/        1: a request, or a record of the public topic, becomes a submission
authorization     2: may this trunk send from this source to this destination?
smart_encoding    3: what a text becomes so that it takes fewer segments
composition       3: the first step of that
encoding          3: GSM-7 or UCS-2
segmentation      4: the text, cut into segments with their user data headers
routing           5: which carrier, and which others would
routing_explained  the same for people, with what every other route lacks
prepared_text     steps 3 and 4 for all messages that have one text
processing        steps 2 to 5 in their order
preview           what they say about a message that is not sent

What needs time, a socket or a topic does not belong here.
"""
