"""Run by Alembic: connects and runs the migrations, each in its own transaction."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from app.models import metadata


def run() -> None:
    """Migrate over one connection."""
    engine = create_engine(
        context.config.get_main_option("sqlalchemy.url") or "",
        poolclass=pool.NullPool,
        # Whoever waits for a lock in a migration stops everybody behind him: give up instead.
        connect_args={"options": "-c timezone=UTC -c lock_timeout=10s"},
    )
    with engine.connect() as connection:
        # Two that start at the same moment migrate one after the other; the second finds nothing to do.
        connection.execute(text("SELECT pg_advisory_lock(hashtext('migrations'))"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
