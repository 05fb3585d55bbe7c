"""Run the versions on the connection that `migrate` hands over; there is no other way in."""

from alembic import context

from tabletap.infra.db.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False, compare_type=False)
context.run_migrations()
