"""Limits, windows and brakes of sending."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027_limits"
down_revision = "0026_doctor"
branch_labels = None
depends_on = None

COUNTS = ("accepted", "put_off", "slowed", "hard", "policy", "unknown", "listed")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "mail_operator",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_operator")),
        sa.UniqueConstraint("code", name=op.f("uq_mail_operator_code")),
    )
    op.create_table(
        "operator_domain",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("operator", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_operator_domain")),
        sa.ForeignKeyConstraint(
            ["operator"], ["mail_operator.id"], name=op.f("fk_operator_domain_operator"), ondelete="CASCADE"
        ),
    )
    op.create_index(op.f("ix_operator_domain_operator"), "operator_domain", ["operator"])
    op.create_table(
        "clock_zone",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_zone")),
        sa.UniqueConstraint("name", name=op.f("uq_clock_zone_name")),
    )
    op.create_table(
        "run_share",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.SmallInteger(), nullable=False),
        sa.Column("operator", sa.SmallInteger(), nullable=False),
        sa.Column("planned", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "zone", "operator", name=op.f("pk_run_share")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_share_run_id"), ondelete="CASCADE"),
    )
    op.create_table(
        "pace",
        sa.Column("sender_id", sa.BigInteger(), nullable=False),
        sa.Column("transport_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("operator", sa.SmallInteger(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=True),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hour_used", sa.Integer(), server_default="0", nullable=False),
        sa.Column("day_used", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pauses", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("paused_text", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("sender_id", "transport_id", "operator", name=op.f("pk_pace")),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_pace_sender_id"), ondelete="CASCADE"),
    )
    op.create_table(
        "tally",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_tally_run_id"), ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_tally_run_id"), "tally", ["run_id"])
    op.create_table(
        "day_tally",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.SmallInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.PrimaryKeyConstraint("run_id", "operator", "day", name=op.f("pk_day_tally")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_day_tally_run_id"), ondelete="CASCADE"),
    )
    op.add_column("message", sa.Column("operator", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("message", sa.Column("zone", sa.SmallInteger(), server_default="0", nullable=False))
    op.drop_index("ix_message_ready", "message")
    op.create_index(
        "ix_message_ready",
        "message",
        ["run_id", "zone", "operator", "not_before", "id"],
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.add_column("sender", sa.Column("limits", postgresql.JSONB(), server_default="{}", nullable=False))
    op.drop_column("sender", "paced_until")
    op.add_column("transport", sa.Column("limits", postgresql.JSONB(), server_default="{}", nullable=False))
    op.add_column("run", sa.Column("windows", postgresql.JSONB(), nullable=True))
    op.add_column("run", sa.Column("counted_before", postgresql.JSONB(), server_default="{}", nullable=False))
    op.add_column("run", sa.Column("braked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("campaign", sa.Column("windows", postgresql.JSONB(), nullable=True))
    op.add_column("campaign", sa.Column("most_late", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("campaign", "most_late")
    op.drop_column("campaign", "windows")
    op.drop_column("run", "braked_at")
    op.drop_column("run", "counted_before")
    op.drop_column("run", "windows")
    op.drop_column("transport", "limits")
    op.add_column("sender", sa.Column("paced_until", sa.DateTime(timezone=True), nullable=True))
    op.drop_column("sender", "limits")
    op.drop_index("ix_message_ready", "message")
    op.create_index(
        "ix_message_ready", "message", ["run_id", "not_before", "id"], postgresql_where=sa.text("state = 'ready'")
    )
    op.drop_column("message", "zone")
    op.drop_column("message", "operator")
    op.drop_table("day_tally")
    op.drop_table("tally")
    op.drop_table("pace")
    op.drop_table("run_share")
    op.drop_table("clock_zone")
    op.drop_table("operator_domain")
    op.drop_table("mail_operator")
