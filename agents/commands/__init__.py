"""The `smsout` command line.

cli               the command: agents, `up`, `broker`, and those below
topics            creates the topics and reports drift
directory         writes a YAML file into the directory, and the directory into one
routes            which route a message takes, and why
callbacks         what became of notifications, and sending them again
messages          where a message is, and why it is not further
carriers          profiles of carriers: checked, shown, tried
carrier_options   what is typed after `smsout carriers`
dead_letters      what could not be processed, and what to do with it
offsets           where consumer groups go on
doctor            what is stuck and why
doctor_findings   what was found, in words
doctor_parked     what is parked, and for whom
doctor_samples    whom unfinished work is for
install           what an installation needs once
metrics_document  the table of metrics, generated from their definitions
users             a new password for who cannot log in
schema_documents  JSON Schemas and AsyncAPI, generated from the models
"""
