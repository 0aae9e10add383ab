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
        sa.Column("privacy_version", sa.String(), nullable=True),
        sa.Column("frequency", sa.String(), nullable=True),
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
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
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
        "ix_signup_request_open",
        "signup_request",
        ["requested_at"],
        postgresql_where=sa.text("confirmed_at IS NULL"),
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
    op.create_table(
        "signup_mail",
        sa.Column("mailbox_key", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mailbox_key", "asked_at", name=op.f("pk_signup_mail")),
    )
    op.create_index(op.f("ix_signup_mail_asked_at"), "signup_mail", ["asked_at"], unique=False)
    op.create_table(
        "signup_count",
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("unconfirmed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["form_id"], ["signup_form.id"], name=op.f("fk_signup_count_form_id")),
        sa.PrimaryKeyConstraint("form_id", "day", name=op.f("pk_signup_count")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("signup_count")
    op.drop_table("signup_mail")
    op.drop_table("signup_request")
    op.drop_table("signup_form")
