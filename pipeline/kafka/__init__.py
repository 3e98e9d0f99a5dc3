"""The broker's edge: the only room of `pipeline` that imports aiokafka.

fetching      what a fetch brings, read so that nothing in a topic can end its reader
client        connection settings for every client, and one clear error when nobody answers
producer      many records to the broker in few requests, each acknowledged
group_commit  callers wait for the broker together: what arrives during one request shares the next
admin         what the broker says about topics and groups
views         topics read into memory, or for somebody who asks
directory     the one writer of sms.directory
consuming     a group member: records out, finished offsets in

Each room may use those above it.
"""
