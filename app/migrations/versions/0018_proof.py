"""Time stamps of anchors, and bundles about campaigns."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018_proof"
down_revision = "0017_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "time_stamp",
        sa.Column("anchor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signer", sa.String(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["anchor"], ["evidence_anchor.seq"], name=op.f("fk_time_stamp_anchor")),
        sa.PrimaryKeyConstraint("anchor", name=op.f("pk_time_stamp")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON time_stamp"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.create_table(
        "time_stamp_trouble",
        sa.Column("anchor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["anchor"], ["evidence_anchor.seq"], name=op.f("fk_time_stamp_trouble_anchor")),
        sa.PrimaryKeyConstraint("anchor", name=op.f("pk_time_stamp_trouble")),
    )
    op.create_table(
        "bundle_job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("with_addresses", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "state",
            sa.Enum("waiting", "running", "done", "failed", name="bundlestate", native_enum=False,
                    create_constraint=True, length=40),
            server_default="waiting",
            nullable=False,
        ),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("messages_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("messages_all", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "(state IN ('done', 'failed')) = (ended_at IS NOT NULL)", name=op.f("ck_bundle_job_ended")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_bundle_job_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundle_job")),
    )
    op.create_index(op.f("ix_bundle_job_campaign_id"), "bundle_job", ["campaign_id"])
    op.create_index(
        op.f("ix_bundle_job_id"), "bundle_job", ["id"], postgresql_where=sa.text("ended_at IS NULL")
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("bundle_job")
    op.drop_table("time_stamp_trouble")
    op.drop_table("time_stamp")
