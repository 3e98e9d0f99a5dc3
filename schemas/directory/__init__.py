"""Configuration as records of the compacted topic `sms.directory`, keyed `<kind>:<id>`.

A null value deletes. A trunk is deleted in two steps: `deleted_at` takes it out of service while its messages in
flight still need its callback URL; the record itself goes later.

account           a customer and its DIDs
sender            a name or a short code that an account sends from
campaign          which senders go through which trunks as an application's
trunk             an HTTP OUT SMS trunk, its credentials and signing secrets
callback_options  how a trunk wants to be told
sealed_secret     a secret that only some processes can read
carrier           a carrier, and the profiles by which carriers are spoken to
route             a route, which leads messages to a carrier
limits            how much trunks and accounts may send
people            who may use the panel and the management API
entry             any of these, and the key of its record
writer_claim      who writes all of this now
audit             who changed what: a topic of its own
"""
