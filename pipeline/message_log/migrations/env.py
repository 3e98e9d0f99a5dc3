"""Runs migrations over the connection that the caller has opened a transaction on."""

from alembic import context

from pipeline.message_log.tables import fixed

context.configure(connection=context.config.attributes["connection"], target_metadata=fixed)
context.run_migrations()
