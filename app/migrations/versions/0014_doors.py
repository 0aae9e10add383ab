"""Lifts that two people agree to, and what other systems may ask the gate with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014_doors"
down_revision = "0013_lists"
branch_labels = None
depends_on = None

APPEND_ONLY = ("lift_request", "lift_answer", "permit")


def upgrade() -> None:
    """Apply."""
    op.create_check_constraint(
        op.f("ck_suppression_lift_two_people"), "suppression_lift", "lower(asked_by) <> lower(agreed_by)"
    )
    # A case is closed by its number.
    op.create_index(
        "ix_suppression_entry_case", "suppression_entry", ["source"], postgresql_where=sa.text("cause = 'case_open'")
    )
    op.create_index(
        "ix_decision_reserved", "decision", ["address_id"], postgresql_where=sa.text("message_id IS NULL")
    )
    _lifts()
    _permits()
    _tokens()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _lifts() -> None:
    op.create_table(
        "lift_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["suppression_entry.id"], name=op.f("fk_lift_request_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lift_request")),
    )
    op.create_index(op.f("ix_lift_request_entry_id"), "lift_request", ["entry_id"])
    op.create_table(
        "lift_answer",
        sa.Column("request_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["lift_request.id"], name=op.f("fk_lift_answer_request_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_lift_answer")),
    )


def _permits() -> None:
    op.create_table(
        "permit",
        sa.Column("permit", sa.String(), nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("given_to", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name=op.f("fk_permit_address_id")),
        sa.PrimaryKeyConstraint("permit", name=op.f("pk_permit")),
        sa.UniqueConstraint("decision_id", name=op.f("uq_permit_decision_id")),
    )
    op.create_index(op.f("ix_permit_address_id"), "permit", ["address_id"])


def _tokens() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("name", name=op.f("uq_api_token_name")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_token_hash")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("api_token")
    op.drop_table("permit")
    op.drop_table("lift_answer")
    op.drop_table("lift_request")
    op.drop_index("ix_decision_reserved", table_name="decision")
    op.drop_index("ix_suppression_entry_case", table_name="suppression_entry")
    op.drop_constraint(op.f("ck_suppression_lift_two_people"), "suppression_lift", type_="check")
