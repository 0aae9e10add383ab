"""What an approval was given for, to be read later; and the audit log by action."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020_console"
down_revision = "0019_offline_consents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "approval_document",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_approval_document")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON approval_document FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.create_index(op.f("ix_audit_event_action"), "audit_event", ["action"])


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_audit_event_action"), table_name="audit_event")
    op.drop_table("approval_document")
