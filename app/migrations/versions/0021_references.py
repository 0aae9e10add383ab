"""Consents are found by their reference, entries named by theirs; what systems are told; why a list was replaced."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021_references"
down_revision = "0020_console"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_unique_constraint(op.f("uq_consent_reference"), "consent", ["reference"])
    reference = sa.Column("reference", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False)
    op.add_column("suppression_entry", reference)
    events = sa.Column("events", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    op.add_column("webhook_target", events)
    op.add_column("list_version", sa.Column("reason", sa.String(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("list_version", "reason")
    op.drop_column("webhook_target", "events")
    op.drop_column("suppression_entry", "reference")
    op.drop_constraint(op.f("uq_consent_reference"), "consent", type_="unique")
