"""How a database of an earlier version becomes this one (Alembic); run by the agent at its start.

env       one connection, one transaction, whatever the database
versions  one module a version, never changed

A migration that changes the tables of days goes through those that `log_days` lists.
"""
