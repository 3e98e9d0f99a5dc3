"""One broker and one simulator for many tests of running agents, which each test starts, kills and starts again.

life      one process of an agent, and how it is run
world     what the directory holds: a carrier and a route for each in-doubt policy, a trunk, an account
topics    every record of the pipeline, and what its consumers have still to do
arena     all of it together, and what tests do with it: send, look, kill
"""
