"""Files for other channels, and what came of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016_channels"
down_revision = "0015_rights"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _stages("plan", "gate", "export")
    op.create_table(
        "channel_export",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "phone", "post", name="channel", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("decision_batch_id", sa.BigInteger(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_channel_export_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_export")),
        sa.UniqueConstraint("code", name=op.f("uq_channel_export_code")),
    )
    op.create_index(op.f("ix_channel_export_campaign_id"), "channel_export", ["campaign_id"])
    op.create_table(
        "channel_result",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("export_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["channel_export.id"], name=op.f("fk_channel_result_export_id")),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name=op.f("fk_channel_result_address_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_result")),
        sa.UniqueConstraint(
            "export_id", "address_id", "result", "at", name=op.f("uq_channel_result_export_id_address_id_result_at")
        ),
    )


def downgrade() -> None:
    """Take back."""
    _stages("plan", "gate")
    op.drop_table("channel_result")
    op.drop_index(op.f("ix_channel_export_campaign_id"), table_name="channel_export")
    op.drop_table("channel_export")


def _stages(*allowed: str) -> None:
    name = op.f("ck_decision_context_stage")
    op.drop_constraint(name, "decision_context", type_="check")
    op.create_check_constraint(name, "decision_context", f"stage IN ({', '.join(repr(stage) for stage in allowed)})")
