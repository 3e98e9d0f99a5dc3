"""Everything that can be done in the control plane, for pages and management API alike.

One class an area, each given what it needs and joined in `Operations`: `operations.trunks.create(actor, ...)`. Every
operation takes the `Actor`, decides itself what that role may do and whose entries it may touch, and writes an audit
event. It raises `NotFound`, `Forbidden`, `Conflict`, `pipeline.errors.RuleViolated` with (attribute, problem) pairs,
or `pipeline.errors.BrokerError` when the broker does not do its part. HTTP, cookies and HTML are not known here.

operations    all areas, joined
actor         who acts, and the table of permissions
errors        what an operation can end with besides its result
ports         what the operations need of the world
entries/      what every area does with entries: access, changes, audit events, paging
day_uses      how much of their days trunks and accounts have used up
limits        what operators allow trunks and accounts
accounts      accounts of customers
trunks/       trunks, their secrets, their callbacks
numbers/      DIDs, and numbers to which nothing is sent
senders       names and short codes
campaigns     which senders go through which trunks
log/          what the message log knows: overview, look-up, search, what is scheduled, notifications
messages      Send SMS, what would become of it, its status
sent_messages  what became of what was sent, while somebody may look
routing/      carriers and routes
people/       users and API keys
audit_events  the audit log
"""
