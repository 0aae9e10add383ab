"""The tables of suppression."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_suppression"
down_revision = "0003_tracking"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict", postgresql.ENUM("send", "hold", "block", name="verdict"), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("basis", sa.String(), nullable=True),
        sa.Column("consent_id", sa.BigInteger(), nullable=True),
        sa.Column("purchase_id", sa.BigInteger(), nullable=True),
        sa.Column("entry_id", sa.BigInteger(), nullable=True),
        sa.Column("list_version_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    op.create_index(op.f("ix_decision_batch_id"), "decision", ["batch_id"], unique=False)
    op.create_index(op.f("ix_decision_message_id"), "decision", ["message_id"], unique=False)
    op.create_table(
        "list_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("list_id", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "loading",
                "active",
                "replaced",
                name="versionstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("fetched_by", sa.String(), nullable=False),
        sa.Column("source_note", sa.String(), nullable=True),
        sa.Column("matched_up_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_version")),
    )
    op.create_index(op.f("ix_list_version_list_id"), "list_version", ["list_id"], unique=False)
    op.create_index(
        "uq_list_version_active", "list_version", ["list_id"], unique=True, postgresql_where=sa.text("state = 'active'")
    )
    op.create_table(
        "rule_set",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("activated_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_set")),
    )
    op.create_table(
        "decision_context",
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "stage",
            sa.Enum("plan", "gate", name="stage", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column("controller_id", sa.BigInteger(), nullable=False),
        sa.Column("rules_version", sa.BigInteger(), nullable=False),
        sa.Column("list_versions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("transaction", sa.BigInteger(), server_default=sa.text("txid_current()"), nullable=False),
        sa.ForeignKeyConstraint(["controller_id"], ["controller.id"], name=op.f("fk_decision_context_controller_id")),
        sa.ForeignKeyConstraint(["rules_version"], ["rule_set.id"], name=op.f("fk_decision_context_rules_version")),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_decision_context")),
    )
    op.create_table(
        "list_hit",
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("by_domain", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name=op.f("fk_list_hit_address_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["list_version.id"], name=op.f("fk_list_hit_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("address_id", "version_id", name=op.f("pk_list_hit")),
    )
    op.create_table(
        "list_record",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["list_version.id"], name=op.f("fk_list_record_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "digest", name=op.f("pk_list_record")),
    )
    op.create_table(
        "suppression_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=True),
        sa.Column("domain_key", sa.LargeBinary(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("controller_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "cause",
            sa.Enum(
                "opted_out",
                "complaint",
                "hard_bounce",
                "internal_block",
                name="cause",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(address_id IS NULL) <> (domain_key IS NULL)", name=op.f("ck_suppression_entry_address_or_domain")
        ),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name=op.f("fk_suppression_entry_address_id")),
        sa.ForeignKeyConstraint(["controller_id"], ["controller.id"], name=op.f("fk_suppression_entry_controller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_entry")),
    )
    op.create_index(op.f("ix_suppression_entry_address_id"), "suppression_entry", ["address_id"], unique=False)
    op.create_index(op.f("ix_suppression_entry_domain_key"), "suppression_entry", ["domain_key"], unique=False)
    op.create_table(
        "suppression_lift",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("agreed_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["suppression_entry.id"], name=op.f("fk_suppression_lift_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_suppression_lift")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON suppression_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON suppression_lift FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decision FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decision_context FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_set FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    # The gate must never fail for want of rules: the cautious defaults are version 1, in the spelling that settings are
    # digested in.
    op.execute("""
        INSERT INTO rule_set (settings, sha256, activated_by)
        SELECT CAST(chosen AS jsonb), sha256(convert_to(chosen, 'UTF8')), 'system' FROM (VALUES (
            '{"caps": [], "customer_months": 24, "lapsed_after_months": 24, "required_lists": [{"countries": ["AT"],'
            ' "list_id": "at.ecg.file", "max_age_days": 30, "unknown_country": true}], "stale_after_months": 18}'
        )) AS defaults (chosen)
    """)


def downgrade() -> None:
    """Take back."""
    op.drop_table("suppression_lift")
    op.drop_index(op.f("ix_suppression_entry_domain_key"), table_name="suppression_entry")
    op.drop_index(op.f("ix_suppression_entry_address_id"), table_name="suppression_entry")
    op.drop_table("suppression_entry")
    op.drop_table("list_record")
    op.drop_table("list_hit")
    op.drop_table("decision_context")
    op.drop_table("rule_set")
    op.drop_index("uq_list_version_active", table_name="list_version", postgresql_where=sa.text("state = 'active'"))
    op.drop_index(op.f("ix_list_version_list_id"), table_name="list_version")
    op.drop_table("list_version")
    op.drop_index(op.f("ix_decision_message_id"), table_name="decision")
    op.drop_index(op.f("ix_decision_batch_id"), table_name="decision")
    op.drop_table("decision")
    op.execute("DROP TYPE verdict")
