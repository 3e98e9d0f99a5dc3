"""`smsout up`: the whole system on one machine, as child processes of a supervisor.

roster             which agents there are, what each one is given, in which order they stop
pulse              is a process that does not answer frozen, hung, or only slow?
service            one process that is kept running: restarts with backoff, readiness
supervisor         all of them: start, wait until ready, stop in order
data_dir           the lock, the secrets and which broker's data it is
lost_pepper        a pepper that is not there: a fresh machine, or one that has lost it
port_plan          which process listens where: on the documented ports, or on free ones
demo               what an empty directory is filled with, and how its URLs follow the ports
people             who can log in to the panel of a new installation
allowed_addresses  which endpoints callbacks may reach although their addresses are not public
observe            a Prometheus that looks at all of it
ready_file         what is running where, for programs
summary            the same for a person
reports            what a person reads while it runs, and the log file that has everything
run                how these come together
"""
