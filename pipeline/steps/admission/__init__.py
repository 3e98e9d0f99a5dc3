"""Step 1: what is asked for becomes a submission, or a list of everything that is wrong with it.

request              a request for one text
bulk                 the same for many messages, whose texts may differ
attributes           the attributes that a request must have, one by one
optional_attributes  those that it may have
submitted_record     a record of the public topic
acceptance           what the place of such a record adds, so that everybody who reads it comes to the same messages

Whether a trunk may send what it asks for is step 2's question.
"""
