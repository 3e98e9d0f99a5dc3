"""What happens to a message: the steps in their order, and the rooms that they need.

steps            1 admission, 2 authorization, 3 encoding, 4 segmentation, 5 routing: a request becomes messages
alphabets        which characters a text can be written in on the air, and what stands in for others
carriers         6 a segment becomes a POST, and the answer what happens next
callbacks        7 a status becomes a signed notification
scheduling       messages that wait for their time, and wishes that something be cancelled
receipts         8 what carriers report of segments becomes one final status
directory        what the steps look things up in: accounts, numbers, trunks, carriers, routes; its rules and its files
posting          what carriers and endpoints have in common: who may be posted to now, in which order, and when again
http             how a request goes out, and where one comes from
limits           how much a trunk or an account may send
idempotency      which of several submissions with one key is sent
dead_letters     what could not be processed, and what became of it
message_log      what the topics say about messages, in a database that can be made anew from them
kafka            the broker's edge
yaml_document    YAML as plain text values, each with its line
opt_outs         who wants no messages of an account, in memory
counted          a number of something, in words
countries        which country a number is in
numbering_plan   which calling codes there are, and how long a number can be
e164             what is wrong with one, and which form was meant
machine_numbers  those of SIM cards in machines
errors           what can go wrong, each with a stable code
disk             what is said of one that is full
settings         what an installation chooses, from the environment
state_file       what a topic says, in a file that outlives its process
slot             which of an agent's processes this is, proved by a lock
tracing          which spans of which trace it makes, for whoever collects them
metrics          what is counted
measuring        how: cheaply, and bounded
failpoints       places where a process can be made to die

A step knows neither Kafka nor an HTTP server; of the rooms only kafka imports aiokafka, only
http the HTTP parser, only message_log a database, and only tracing OpenTelemetry.
"""
