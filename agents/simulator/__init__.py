"""A practice carrier and a callback inbox, for trying the system, tests and benchmarks.

settings   where it listens, what it keeps
requests   reading what a caller sent, with an answer that says what is wrong with it
entries    numbered entries in memory, bounded
ledger     the carrier's entries, on disk before the answer when a file is given
faults     what goes wrong on purpose
carrier    POST /carrier/segments and its ledger
numbers    those with fixed outcomes
receipts   delivery receipts, posted after a delay
inbox      POST /inbox/<name> and what came in
app        the routes, and errors as JSON

docs/testing.md describes its HTTP surface. It keeps message texts and shows them to anyone who can reach its port:
it belongs on a developer's or a test's machine.
"""
