"""The HTTP API: authenticates, admits, and answers 201 when the broker has the message.

__main__        the process: what is started, and in which order it stops
server          aiohttp's low-level server, with errors in the contract's shape
app             one request, from its head to its answer
body            a request's body, with bounds
json_api        a body becomes the attributes of a resource
responses       answers and errors as bytes
previews        what a message would become, without sending it
submit          from an admitted submission to the broker's acknowledgement
claims          the Idempotency-Keys, read anew when they are lost
keyed           requests with an Idempotency-Key: sent once
receipts/       carriers' delivery receipts
outstanding     how much may wait for the broker at once
"""
