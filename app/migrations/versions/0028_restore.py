"""Quarantine after a restore, and how far the journal of opt-outs is known to be in the database."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028_restore"
down_revision = "0027_limits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("begun_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("settled_at", moment, nullable=True),
        sa.Column("replayed_at", moment, nullable=True),
        sa.Column("replay", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("asked_by", sa.String(), nullable=True),
        sa.Column("ask_reason", sa.String(), nullable=True),
        sa.Column("released_at", moment, nullable=True),
        sa.Column("released_by", sa.String(), nullable=True),
        sa.Column("release_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index(
        "uq_quarantine_standing",
        "quarantine",
        [sa.text("(released_at IS NULL)")],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "journal_position",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_position")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("journal_position")
    op.drop_table("quarantine")
