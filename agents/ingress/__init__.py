"""The HTTP API: authenticates, admits, and answers 201 when the broker has the message.

__main__       the process: what is started, and in which order it stops
server         aiohttp's low-level server, with errors in the contract's shape
app            one request, from its head to its answer
resources      what can be asked for, how it is admitted and how answered
protocol/      what a request says and what it is answered, in HTTP and JSON:API
previews       what a message would become, without sending it
submit         from an admitted submission to the broker's acknowledgement
claims         the Idempotency-Keys, read anew when they are lost
keyed          requests with an Idempotency-Key: sent once
cancellations  a message, or a bulk, that is not to be sent after all
writing        receipts, and wishes to cancel, on their way to the broker
receipts/      carriers' delivery receipts
outstanding    how much may wait for the broker at once
"""
