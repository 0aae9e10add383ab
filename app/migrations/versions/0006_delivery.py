"""The tables of delivery."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_delivery"
down_revision = "0005_templates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "sender",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("controller_id", sa.BigInteger(), nullable=False),
        sa.Column("from_name", sa.String(), nullable=False),
        sa.Column("from_address", sa.String(), nullable=False),
        sa.Column("reply_to", sa.String(), nullable=True),
        sa.Column("return_domain", sa.String(), nullable=False),
        sa.Column("transport_url", sa.String(), nullable=True),
        sa.Column("most_per_second", sa.Integer(), nullable=True),
        sa.Column("dkim_selector", sa.String(), nullable=True),
        sa.Column("paced_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("away_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("away_text", sa.String(), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["controller_id"], ["controller.id"], name=op.f("fk_sender_controller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender")),
        sa.UniqueConstraint("code", name=op.f("uq_sender_code")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("campaign", "transactional", name="runkind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sender_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column(
            "tracking",
            sa.Enum(
                "none",
                "aggregate",
                "individual",
                name="trackinglevel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "paused",
                "stopped",
                "done",
                name="runstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("state_reason", sa.String(), nullable=True),
        sa.Column("retry_unknown", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("released", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("audience", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("planned_up_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_run_sender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("occurrence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "state",
            postgresql.ENUM(
                "planned",
                "ready",
                "claimed",
                "handing_over",
                "sent",
                "failed",
                "unknown",
                "resolved_sent",
                "resolved_unsent",
                "held",
                "blocked",
                "cancelled",
                name="message_state",
            ),
            nullable=False,
        ),
        sa.Column("step", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("leases_lost", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("reply_code", sa.SmallInteger(), nullable=True),
        sa.Column("channel", sa.String(), server_default="email", nullable=False),
        sa.Column("reply_text", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state NOT IN ('claimed', 'handing_over') OR token IS NOT NULL", name=op.f("ck_message_claimed_by_somebody")
        ),
        sa.CheckConstraint(
            "state NOT IN ('handing_over', 'resolved_sent', 'sent', 'unknown') OR decision_id IS NOT NULL",
            name=op.f("ck_message_no_decision_no_send"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_message_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint(
            "run_id",
            "address_id",
            "step",
            "occurrence",
            "channel",
            name=op.f("uq_message_run_id_address_id_step_occurrence_channel"),
        ),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index(
        "ix_message_in_handover",
        "message",
        ["address_id"],
        unique=False,
        postgresql_where=sa.text("state = 'handing_over'"),
    )
    op.create_index(
        "ix_message_leased",
        "message",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state IN ('claimed', 'handing_over')"),
    )
    op.create_index(
        "ix_message_ready",
        "message",
        ["run_id", "not_before", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "ix_message_unknown", "message", ["run_id"], unique=False, postgresql_where=sa.text("state = 'unknown'")
    )
    op.create_table(
        "message_value",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recipient", sa.String(), nullable=True),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("keep_copy", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_value_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message_value")),
    )
    # No decision, no send, enforced where no bug of ours can reach: a message may be handed over only on the strength of a
    # decision `send` about this very message, stored at the gate in this very transaction.
    op.execute("""
        CREATE FUNCTION require_decision() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT 1 FROM changed AS m
                WHERE m.state = 'handing_over' AND NOT EXISTS (
                    SELECT 1 FROM decision AS d JOIN decision_context AS c ON c.batch_id = d.batch_id
                    WHERE d.id = m.decision_id AND d.message_id = m.id AND d.verdict = 'send'
                      AND c.stage = 'gate' AND c.transaction = txid_current()
                )
                AND NOT EXISTS (SELECT 1 FROM before AS b WHERE b.id = m.id AND b.state = 'handing_over')
            ) THEN
                RAISE EXCEPTION 'no decision, no send' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER no_decision_no_send AFTER UPDATE ON message
        REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION require_decision()
    """)
    op.execute("""
        CREATE FUNCTION refuse_handed_over() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT 1 FROM changed WHERE state NOT IN ('planned', 'ready', 'held', 'blocked')) THEN
                RAISE EXCEPTION 'a message starts as planned, ready, held or blocked' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER starts_before_the_gate AFTER INSERT ON message
        REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refuse_handed_over()
    """)


def downgrade() -> None:
    """Take back."""
    op.drop_table("message_value")
    op.drop_index("ix_message_unknown", table_name="message", postgresql_where=sa.text("state = 'unknown'"))
    op.drop_index("ix_message_ready", table_name="message", postgresql_where=sa.text("state = 'ready'"))
    op.drop_index(
        "ix_message_leased", table_name="message", postgresql_where=sa.text("state IN ('claimed', 'handing_over')")
    )
    op.drop_index("ix_message_in_handover", table_name="message", postgresql_where=sa.text("state = 'handing_over'"))
    op.drop_table("message")
    op.drop_table("run")
    op.drop_table("sender")
    op.execute("DROP TYPE message_state")
    op.execute("DROP FUNCTION require_decision()")
    op.execute("DROP FUNCTION refuse_handed_over()")
