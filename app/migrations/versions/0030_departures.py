"""Mails on their way when an import ended; what the journal has yet to be told; work found by ringing and by looking."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030_departures"
down_revision = "0029_mail_domains"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    moment = sa.DateTime(timezone=True)
    op.add_column("import_job", sa.Column("on_its_way", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "found_work",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("rung", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("polled", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_found_work")),
    )
    op.create_table(
        "journal_gap",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("noticed_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("many", sa.BigInteger(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("mended_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_gap")),
    )
    op.create_index("ix_journal_gap_open", "journal_gap", ["id"], postgresql_where=sa.text("mended_at IS NULL"))


def downgrade() -> None:
    """Take back."""
    op.drop_table("journal_gap")
    op.drop_table("found_work")
    op.drop_column("import_job", "on_its_way")
