"""`smsout up`: the whole system on one machine, as child processes of a supervisor.

roster       which agents there are, what each one is given, in which order they stop
service      one process that is kept running: restarts with backoff, readiness
supervisor   all of them: start, wait until ready, stop in order
data_dir     the lock, the secrets and which broker's data it is
demo         what an empty directory is filled with, and how its URLs follow the ports
people       who can log in to the panel of a new installation
ready_file   what is running where, for programs
summary      the same for a person
run          how these come together
"""
