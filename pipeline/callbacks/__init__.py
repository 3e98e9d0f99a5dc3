"""Step 7: what a customer's endpoint is told, and how it is signed. Pure.

notification  who wants to hear of a status, and the contract's callback body
signing       Standard Webhooks headers
resend        which notifications are sent again when somebody asks
"""
