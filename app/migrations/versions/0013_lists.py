"""What lists keep besides their records: how a file was read, what changed, and what services were asked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013_lists"
down_revision = "0012_gate"
branch_labels = None
depends_on = None

STATES = ("loading", "active", "replaced")


def upgrade() -> None:
    """Apply."""
    for column in ("reading", "changes"):
        op.add_column("list_version", sa.Column(column, postgresql.JSONB(), server_default="{}", nullable=False))
    op.add_column("list_version", sa.Column("replaces", sa.BigInteger(), nullable=True))
    op.add_column("list_version", sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True))
    _states((*STATES, "removed"))
    op.create_table(
        "list_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("answer_sha256", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["list_version.id"], name=op.f("fk_list_check_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_check")),
    )
    op.create_index(op.f("ix_list_check_version_id"), "list_check", ["version_id"])
    op.create_table(
        "list_asked",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("check_id", sa.BigInteger(), nullable=True),
        sa.Column("proofs", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["version_id"], ["list_version.id"], name=op.f("fk_list_asked_version_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name=op.f("fk_list_asked_address_id")),
        sa.ForeignKeyConstraint(
            ["check_id"], ["list_check.id"], name=op.f("fk_list_asked_check_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "address_id", name=op.f("pk_list_asked")),
    )
    op.create_index(op.f("ix_list_asked_check_id"), "list_asked", ["check_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("list_asked")
    op.drop_table("list_check")
    op.execute("UPDATE list_version SET state = 'replaced' WHERE state = 'removed'")
    _states(STATES)
    for column in ("expired_at", "replaces", "changes", "reading"):
        op.drop_column("list_version", column)


def _states(allowed: tuple[str, ...]) -> None:
    name = op.f("ck_list_version_versionstate")
    op.drop_constraint(name, "list_version", type_="check")
    op.create_check_constraint(name, "list_version", f"state IN ({', '.join(repr(state) for state in allowed)})")
