"""The tables that the code knows are the tables that the migrations make."""

import re

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, create_engine, text

from app.migrations import configuration
from app.models import metadata
from core.db import Base, engine
from tests.guards.source import files


def test_models_and_migrations_agree(database):
    with engine().connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": metadata}
        )
        assert compare_metadata(context, metadata) == []


def test_every_check_of_the_models_is_in_the_database(database):
    """Alembic compares no CHECK constraints."""
    wanted = {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint) and constraint.name
    }
    with engine().connect() as connection:
        present = set(connection.scalars(text("SELECT conname FROM pg_constraint WHERE contype = 'c'")))
    assert wanted - present == set()


def test_every_table_is_reached_by_the_migrations():
    """Every class with a table stands in a module that `app.models` imports."""
    named = {
        name
        for file in files()
        if "migrations" not in file.parts
        for name in re.findall(r'^\s+__tablename__ = "(\w+)"', file.read_text(), re.MULTILINE)
    }
    assert named == {table.name for table in Base.metadata.tables.values()} & named
    assert named <= set(metadata.tables)


def test_migrations_stand_in_one_line():
    heads = ScriptDirectory.from_config(configuration()).get_heads()
    assert len(heads) == 1


@pytest.mark.timeout(300)
def test_every_migration_can_be_taken_back_and_made_again(database):
    command.downgrade(configuration(), "base")
    fresh = create_engine(database)
    with fresh.connect() as connection:
        left = connection.scalars(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        ).all()
    fresh.dispose()
    assert set(left) <= {"alembic_version"}
    command.upgrade(configuration(), "head")
