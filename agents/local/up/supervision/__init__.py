"""Processes that are kept running.

pulse       is a process that does not answer frozen, hung, or only slow?
service     one process that is kept running: restarts with backoff, readiness
supervisor  all of them: start, wait until ready, stop in order

Which processes these are is not known here.
"""
