"""The whole system on one machine: processes, and the broker that they share.

up       `smsout up`: a supervisor of every agent
broker   a Kafka broker of our own
child    a child process, tied to our life
tether   what a child process runs first
launch   a process to start: its command line, and what belongs to it
ports    free ports
console  what a person is told
"""
