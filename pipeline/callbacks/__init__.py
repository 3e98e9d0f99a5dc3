"""Step 7: what a customer's endpoint is told, and how it is signed. Pure.

endpoint      where it is told, and who else would take it
notification  who wants to hear of a status, and the contract's callback body
batch         several of them in one POST
signing       Standard Webhooks headers
resend        which notifications are sent again when somebody asks
"""
