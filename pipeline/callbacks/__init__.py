"""Step 7: what a customer's endpoint is told, how it is signed, and how the endpoint is. Pure.

notification     a status becomes the contract's callback body
signing          Standard Webhooks headers
endpoint_health  whether an endpoint is down, slow, or well
resend           which notifications are sent again when somebody asks
"""
