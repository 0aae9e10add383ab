"""Signing keys, what was found about a sender's domain, and what findings do."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026_doctor"
down_revision = "0025_providers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "signing_key",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("selector", sa.String(), nullable=False),
        sa.Column(
            "algorithm",
            sa.Enum("rsa2048", "ed25519", name="algorithm", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("public_value", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("active_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key")),
        sa.UniqueConstraint("domain", "selector", name=op.f("uq_signing_key_domain_selector")),
        sa.CheckConstraint(
            "(retired_at IS NULL) = (sealed IS NOT NULL)", name=op.f("ck_signing_key_forgotten_when_retired")
        ),
    )
    op.create_index(
        "ix_signing_key_active",
        "signing_key",
        ["domain"],
        postgresql_where=sa.text("active_from IS NOT NULL AND retired_at IS NULL"),
    )
    op.create_table(
        "sender_examination",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sender_id", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=True),
        sa.Column("unanswered", sa.Integer(), nullable=True),
        sa.Column("findings", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender_examination")),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["sender.id"], name=op.f("fk_sender_examination_sender_id"), ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "(done_at IS NULL) = (findings IS NULL)", name=op.f("ck_sender_examination_done_with_findings")
        ),
    )
    op.create_index("ix_sender_examination_done", "sender_examination", ["sender_id", "done_at"])
    op.create_index(
        "uq_sender_examination_waiting",
        "sender_examination",
        ["sender_id"],
        unique=True,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "finding_effect",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column(
            "effect",
            sa.Enum("block", "warn", "inform", name="effect", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_finding_effect")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("finding_effect")
    op.drop_table("sender_examination")
    op.drop_table("signing_key")
