"""The tables of tracking."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_tracking"
down_revision = "0002_contacts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            postgresql.ENUM(
                "sent", "open", "click", "unsubscribe", "bounce", "soft_bounce", "complaint", name="event_kind"
            ),
            nullable=False,
        ),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("address_id", sa.BigInteger(), nullable=True),
        sa.Column("link_id", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("method", sa.String(), nullable=True),
        sa.Column("prefetch", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.Column("verdict", postgresql.ENUM("human", "machine", name="hit_verdict"), nullable=True),
        sa.Column("verdict_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_address_id_event_at"), "event", ["address_id", "at"], unique=False)
    op.create_index(op.f("ix_event_message_id_event_kind"), "event", ["message_id", "kind"], unique=False)
    op.create_index(op.f("ix_event_run_id_event_kind"), "event", ["run_id", "kind"], unique=False)
    op.create_index(
        "ix_event_unjudged",
        "event",
        ["id"],
        unique=False,
        postgresql_where="verdict IS NULL AND kind IN ('open', 'click')",
    )
    op.create_table(
        "exposure",
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("messages", sa.SmallInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_id", "channel", "purpose", "basis", "day", name=op.f("pk_exposure")),
    )
    op.create_table(
        "link",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("run_id", "position", name=op.f("uq_link_run_id_position")),
    )
    op.create_table(
        "spool_file",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("copied", sa.BigInteger(), nullable=False),
        sa.Column("copied_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_spool_file")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("spool_file")
    op.drop_table("link")
    op.drop_table("exposure")
    op.drop_index(
        "ix_event_unjudged", table_name="event", postgresql_where="verdict IS NULL AND kind IN ('open', 'click')"
    )
    op.drop_index(op.f("ix_event_run_id_event_kind"), table_name="event")
    op.drop_index(op.f("ix_event_message_id_event_kind"), table_name="event")
    op.drop_index(op.f("ix_event_address_id_event_at"), table_name="event")
    op.drop_table("event")
    op.execute("DROP TYPE event_kind")
    op.execute("DROP TYPE hit_verdict")
