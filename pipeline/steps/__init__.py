"""From what somebody asks for to a message that is ready for its carrier. Pure: no broker, no HTTP, no clock.

1 admission      a request becomes a submission, or a list of everything wrong with it
  submitted_record  the same for a record of the public topic
2 authorization  may this trunk send from this source to this destination?
3 encoding       GSM-7 or UCS-2; gsm0338 is the alphabet
4 segmentation   the text, cut into segments with their user data headers
5 routing        which carrier
  processing     steps 2 to 5 in their order

What needs time, a socket or a topic does not belong here.
"""
