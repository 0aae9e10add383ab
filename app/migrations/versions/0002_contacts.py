"""The tables of contacts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_contacts"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "address",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("domain_key", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address")),
        sa.UniqueConstraint("key", name=op.f("uq_address_key")),
    )
    op.create_index(op.f("ix_address_domain_key"), "address", ["domain_key"], unique=False)
    op.create_table(
        "company",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company")),
        sa.UniqueConstraint("domain", name=op.f("uq_company_domain")),
    )
    op.create_table(
        "consent_text",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_text")),
        sa.UniqueConstraint("version", "locale", name=op.f("uq_consent_text_version_locale")),
    )
    op.create_table(
        "consent_page",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "privacy_notice",
                "form",
                "confirmation",
                name="pagekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_page")),
        sa.UniqueConstraint("kind", "version", "locale", name=op.f("uq_consent_page_kind_version_locale")),
    )
    op.create_table(
        "proof",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("about", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_proof")),
    )
    op.create_index(op.f("ix_proof_subject"), "proof", ["subject"], unique=False)
    op.create_index(op.f("ix_proof_kept_until"), "proof", ["kept_until"], unique=False)
    op.create_table(
        "controller",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("imprint", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("privacy_url", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_controller")),
        sa.UniqueConstraint("code", name=op.f("uq_controller_code")),
    )
    op.create_table(
        "field_definition",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "text",
                "integer",
                "number",
                "boolean",
                "date",
                "choice",
                name="fieldtype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("choices", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_definition")),
        sa.UniqueConstraint("name", name=op.f("uq_field_definition_name")),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("reference", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("controller_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "phone", "post", name="channel", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("text_version", sa.String(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name=op.f("fk_consent_address_id")),
        sa.ForeignKeyConstraint(["controller_id"], ["controller.id"], name=op.f("fk_consent_controller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint(
            "address_id",
            "controller_id",
            "channel",
            "purpose",
            name=op.f("uq_consent_address_id_controller_id_channel_purpose"),
        ),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum("b2c", "b2b", name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_contact_country")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_contact_company_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("number", name=op.f("uq_contact_number")),
    )
    op.create_index(op.f("ix_contact_company_id"), "contact", ["company_id"], unique=False)
    op.create_table(
        "recipient_choice",
        sa.Column("address_id", sa.BigInteger(), nullable=False),
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
            server_default="none",
            nullable=False,
        ),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("most_per_month", sa.SmallInteger(), nullable=True),
        sa.Column("topics_off", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name=op.f("fk_recipient_choice_address_id")),
        sa.PrimaryKeyConstraint("address_id", name=op.f("pk_recipient_choice")),
    )
    op.create_table(
        "consent_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("consent_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "step",
            postgresql.ENUM("requested", "mail_sent", "landing_viewed", "confirmed", "withdrawn", name="consent_step"),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["consent_id"], ["consent.id"], name=op.f("fk_consent_event_consent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_event")),
        sa.UniqueConstraint("consent_id", "step", "at", name=op.f("uq_consent_event_consent_id_step_at")),
    )
    # B-tree, because every sign-up seals a batch of its own: BRIN reads all pages since the last vacuum each time.
    op.create_index(op.f("ix_consent_event_batch_id"), "consent_event", ["batch_id"], unique=False)
    op.create_table(
        "endpoint",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "phone", "post", name="channel", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name=op.f("fk_endpoint_address_id")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_endpoint_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoint")),
        sa.UniqueConstraint("channel", "address_id", name=op.f("uq_endpoint_channel_address_id")),
    )
    op.create_index(op.f("ix_endpoint_contact_id"), "endpoint", ["contact_id"], unique=False)
    op.create_table(
        "purchase",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("currency", sa.String(), server_default="EUR", nullable=False),
        sa.Column("objection_notice_shown", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_purchase_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase")),
        sa.UniqueConstraint("number", name=op.f("uq_purchase_number")),
    )
    op.create_index(op.f("ix_purchase_contact_id"), "purchase", ["contact_id"], unique=False)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_text FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_page FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    # A proof is kept for a while or for good. The one change is from the one to the other; only the former is removed.
    op.execute("""
        CREATE FUNCTION guard_proof() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.kept_until IS NOT NULL THEN
                IF TG_OP = 'DELETE' THEN
                    RETURN OLD;
                ELSIF NEW.kept_until IS NULL
                    AND (NEW.sha256, NEW.subject, NEW.about, NEW.sealed, NEW.created_at)
                        = (OLD.sha256, OLD.subject, OLD.about, OLD.sealed, OLD.created_at) THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'a proof is evidence: it is never changed, and removed only when nobody confirmed it'
                USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON proof FOR EACH ROW EXECUTE FUNCTION guard_proof()")
    op.execute(
        "CREATE TRIGGER append_only BEFORE TRUNCATE ON proof FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("INSERT INTO controller (code, name, imprint, country) VALUES ('default', 'Our company', '', 'DE')")


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_purchase_contact_id"), table_name="purchase")
    op.drop_table("purchase")
    op.drop_index(op.f("ix_endpoint_contact_id"), table_name="endpoint")
    op.drop_table("endpoint")
    op.drop_index(op.f("ix_consent_event_batch_id"), table_name="consent_event")
    op.drop_table("consent_event")
    op.drop_table("recipient_choice")
    op.drop_index(op.f("ix_contact_company_id"), table_name="contact")
    op.drop_table("contact")
    op.drop_table("consent")
    op.drop_table("field_definition")
    op.drop_table("controller")
    op.drop_table("consent_text")
    op.drop_table("consent_page")
    op.drop_index(op.f("ix_proof_kept_until"), table_name="proof")
    op.drop_index(op.f("ix_proof_subject"), table_name="proof")
    op.drop_table("proof")
    op.execute("DROP FUNCTION guard_proof()")
    op.drop_table("company")
    op.drop_index(op.f("ix_address_domain_key"), table_name="address")
    op.drop_table("address")
    op.execute("DROP TYPE consent_step")
