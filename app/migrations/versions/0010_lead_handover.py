"""The tables of lead_handover."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010_lead_handover"
down_revision = "0009_preferences"
branch_labels = None
depends_on = None

# `sent` is left out: there is one for each message of a run, and it earns nobody points.
NOTE = """
    CREATE FUNCTION score_note_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO score_dirty (address_id) VALUES (NEW.address_id);
        RETURN NULL;
    END $$;

    CREATE TRIGGER score_note_insert AFTER INSERT ON event FOR EACH ROW
    WHEN (
        NEW.address_id IS NOT NULL AND NEW.kind <> 'sent'
        AND (NEW.verdict = 'human' OR NEW.kind NOT IN ('open', 'click'))
    )
    EXECUTE FUNCTION score_note_event();

    CREATE TRIGGER score_note_verdict AFTER UPDATE OF verdict ON event FOR EACH ROW
    WHEN (
        NEW.address_id IS NOT NULL AND OLD.verdict IS DISTINCT FROM NEW.verdict
        AND (OLD.verdict = 'human' OR NEW.verdict = 'human')
    )
    EXECUTE FUNCTION score_note_event();
"""


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_answer", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(
        "ix_outbox_due", "outbox", ["next_at"], unique=False, postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL")
    )
    op.create_table(
        "score_model",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("activated_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_model")),
    )
    op.create_table(
        "score_dirty",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_dirty")),
    )
    op.create_index(op.f("ix_score_dirty_address_id"), "score_dirty", ["address_id"], unique=False)
    op.execute(NOTE)
    op.create_table(
        "webhook_target",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("loopback", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_target")),
        sa.UniqueConstraint("name", name=op.f("uq_webhook_target_name")),
    )
    op.create_table(
        "sales_person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("territory", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("last_given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_sales_person_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_person")),
        sa.UniqueConstraint("user_id", name=op.f("uq_sales_person_user_id")),
    )
    op.create_table(
        "score",
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.Numeric(precision=8, scale=2, asdecimal=False), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_score_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["model_id"], ["score_model.id"], name=op.f("fk_score_model_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_score")),
    )
    op.create_index(op.f("ix_score_points"), "score", ["points"], unique=False)
    op.create_table(
        "handover",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("sales_person_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "accepted",
                "rejected",
                "escalated",
                name="leadstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("points", sa.Numeric(precision=8, scale=2, asdecimal=False), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["sales_person_id"], ["sales_person.id"], name=op.f("fk_handover_sales_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
    )
    op.create_index(op.f("ix_handover_contact_id"), "handover", ["contact_id"], unique=False)
    op.create_index(
        "uq_handover_open",
        "handover",
        ["contact_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('open', 'escalated')"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("uq_handover_open", table_name="handover", postgresql_where=sa.text("state IN ('open', 'escalated')"))
    op.drop_index(op.f("ix_handover_contact_id"), table_name="handover")
    op.drop_table("handover")
    op.drop_index(op.f("ix_score_points"), table_name="score")
    op.drop_table("score")
    op.drop_table("sales_person")
    op.drop_table("webhook_target")
    op.execute("DROP TRIGGER score_note_insert ON event")
    op.execute("DROP TRIGGER score_note_verdict ON event")
    op.execute("DROP FUNCTION score_note_event()")
    op.drop_table("score_dirty")
    op.drop_table("score_model")
    op.drop_index(
        "ix_outbox_due",
        table_name="outbox",
        postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
    )
    op.drop_table("outbox")
