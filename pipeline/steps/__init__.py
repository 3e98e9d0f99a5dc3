"""From what somebody asks for to a message that is ready for its carrier. Pure: no broker, no HTTP, no clock.

admission         1: a request becomes a submission, or a list of everything wrong with it
submitted_record  1: the same for a record of the public topic
acceptance        1: what the place of such a record adds, so that everybody who reads it comes to the same messages
authorization     2: may this trunk send from this source to this destination?
encoding          3: GSM-7 or UCS-2
gsm0338           its alphabet
segmentation      4: the text, cut into segments with their user data headers
routing           5: which carrier, and which others would
routing_explained  the same for people, with what every other route lacks
processing        steps 2 to 5 in their order
preview           what they say about a message that is not sent

What needs time, a socket or a topic does not belong here.
"""
