"""The tables of preferences."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009_preferences"
down_revision = "0008_campaigns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "signup_form",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("controller_id", sa.BigInteger(), nullable=False),
        sa.Column("sender_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("text_version", sa.String(), nullable=False),
        sa.Column("topics", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["controller_id"], ["controller.id"], name=op.f("fk_signup_form_controller_id")),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_signup_form_sender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signup_form")),
        sa.UniqueConstraint("code", name=op.f("uq_signup_form_code")),
    )
    op.create_table(
        "signup_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("consent_id", sa.BigInteger(), nullable=False),
        sa.Column("mailbox_key", sa.LargeBinary(), nullable=False),
        sa.Column("typed", sa.String(), nullable=True),
        sa.Column("text_version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("mail_noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name=op.f("fk_signup_request_address_id")),
        sa.ForeignKeyConstraint(["consent_id"], ["consent.id"], name=op.f("fk_signup_request_consent_id")),
        sa.ForeignKeyConstraint(["form_id"], ["signup_form.id"], name=op.f("fk_signup_request_form_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signup_request")),
    )
    op.create_index(
        op.f("ix_signup_request_mailbox_key_signup_request_requested_at"),
        "signup_request",
        ["mailbox_key", "requested_at"],
        unique=False,
    )
    op.create_index(
        "ix_signup_request_open", "signup_request", ["expires_at"], postgresql_where=sa.text("typed IS NOT NULL")
    )
    op.create_index(
        "ix_signup_request_unnoted",
        "signup_request",
        ["message_id"],
        postgresql_where=sa.text("mail_noted_at IS NULL"),
    )
    op.create_index(
        op.f("ix_signup_request_ip_signup_request_requested_at"), "signup_request", ["ip", "requested_at"], unique=False
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("signup_request")
    op.drop_table("signup_form")
