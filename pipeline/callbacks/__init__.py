"""Notifying a customer's endpoint: who may be called, how it is signed, and when to try again.

addresses       which addresses may be called at all
pinning         a URL becomes connections to addresses that have been checked, and to no others
signing         Standard Webhooks headers
endpoint_health whether an endpoint is down, slow, or well
retry_schedule  what comes after a failed attempt, and after none
"""
