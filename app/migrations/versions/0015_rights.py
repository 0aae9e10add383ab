"""What the rights of the people need: anchors, terms of retention, the objection to profiling."""

import sqlalchemy as sa
from alembic import op

revision = "0015_rights"
down_revision = "0014_doors"
branch_labels = None
depends_on = None

# What was withdrawn or expired may go when its term is over; the job that does it says so for its transaction.
GUARD_PROOF = """
    CREATE OR REPLACE FUNCTION guard_proof() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.kept_until IS NOT NULL OR (TG_OP = 'DELETE' AND {term_is_over}) THEN
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
"""

# The score goes with the objection itself; the mark has whatever is being computed at that moment computed again.
OBJECTED = """
    CREATE FUNCTION forget_profile() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM score WHERE contact_id IN (SELECT contact_id FROM endpoint WHERE address_id = NEW.address_id);
        INSERT INTO score_dirty (address_id) VALUES (NEW.address_id);
        RETURN NULL;
    END $$;

    CREATE TRIGGER objected_to_profiling AFTER INSERT OR UPDATE OF profiling ON recipient_choice FOR EACH ROW
    WHEN (NOT NEW.profiling) EXECUTE FUNCTION forget_profile();

    CREATE TRIGGER allowed_profiling AFTER UPDATE OF profiling ON recipient_choice FOR EACH ROW
    WHEN (NEW.profiling AND NOT OLD.profiling) EXECUTE FUNCTION score_note_event();
"""


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "evidence_anchor",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_evidence_anchor")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence_anchor"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.create_table(
        "retention_term",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_retention_term")),
    )
    op.create_index(
        "ix_suppression_entry_restricted",
        "suppression_entry",
        ["address_id"],
        postgresql_where=sa.text("cause = 'restricted'"),
    )
    op.add_column("recipient_choice", sa.Column("profiling", sa.Boolean(), server_default="true", nullable=False))
    op.execute(OBJECTED)
    op.execute(GUARD_PROOF.format(term_is_over="current_setting('crusoe.term_is_over', true) = 'yes'"))


def downgrade() -> None:
    """Take back."""
    op.execute(GUARD_PROOF.format(term_is_over="false"))
    op.execute("DROP TRIGGER allowed_profiling ON recipient_choice")
    op.execute("DROP TRIGGER objected_to_profiling ON recipient_choice")
    op.execute("DROP FUNCTION forget_profile()")
    op.drop_column("recipient_choice", "profiling")
    op.drop_index("ix_suppression_entry_restricted", table_name="suppression_entry")
    op.drop_table("retention_term")
    op.drop_table("evidence_anchor")
