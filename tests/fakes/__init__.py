"""Stand-ins that behave: what a test puts in the place of a clock, a broker, a peer or a part of an agent.

broker          a broker of a few lists, and the life of a process on it
certificates    an authority that nobody else trusts
clock           time that passes when a test says so
collector       an OpenTelemetry collector
counts_view     what an agent knows of used-up days
directory_view  what an agent knows of the directory
kafka_edges     what agents use of Kafka, on that broker
message_log     the message log in memory
peer            a carrier or endpoints that are told how to be
producer        what agents write through
receiver        customers' endpoints
screens_view    what an agent knows of screenings
tracer          keeps spans
virtual_time    an event loop whose time is moved
web_server      any server on a free port

A fake that only one test module needs stays in it; a record to start from is in tests/builders.py.
"""
