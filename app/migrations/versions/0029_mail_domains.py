"""Who runs the mailboxes of domains, by their MX records; and what came back lately."""

import sqlalchemy as sa
from alembic import op

revision = "0029_mail_domains"
down_revision = "0028_restore"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "mail_domain",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.SmallInteger(), nullable=True),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("answered_at", moment, nullable=True),
        sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("next_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_mail_domain")),
    )
    op.create_index(op.f("ix_mail_domain_next_at"), "mail_domain", ["next_at"])
    op.create_table(
        "mail_domain_sweep",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.Column("whole_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_domain_sweep")),
    )
    op.create_index(op.f("ix_returned_mail_received_at"), "returned_mail", ["received_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_returned_mail_received_at"), "returned_mail")
    op.drop_table("mail_domain_sweep")
    op.drop_table("mail_domain")
