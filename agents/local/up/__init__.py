"""`smsout up`: the whole system on one machine, as child processes of a supervisor.

roster             which agents there are, what each one is given, in which order they stop
port_plan          which process listens where: on the documented ports, or on free ones
allowed_addresses  which endpoints callbacks may reach although their addresses are not public
installation/      what lies in the data directory: secrets, people, the demo
supervision/       processes that are kept running
observe            a Prometheus that looks at all of it
ready_file         what is running where, for programs
summary            the same for a person
reports            what a person reads while it runs, and the log file that has everything
run                how these come together
"""
