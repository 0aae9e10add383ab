"""What comes back from mail servers."""

import sqlalchemy as sa
from alembic import op

revision = "0023_bounces"
down_revision = "0022_hot_path"
branch_labels = None
depends_on = None

WAYS = ("receiver", "mailbox", "pipe", "webhook")
CLASSES = ("hard", "soft", "mailbox_full", "policy", "complaint", "auto_reply", "unknown")
ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "returned_mail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("way", sa.Enum(*WAYS, name="way", native_enum=False, length=40, create_constraint=True), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returned_mail")),
        sa.UniqueConstraint("sha256", name=op.f("uq_returned_mail_sha256")),
    )
    op.create_index(op.f("ix_returned_mail_message_id"), "returned_mail", ["message_id"])
    op.create_table(
        "returned",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("mail_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", sa.BigInteger(), nullable=True),
        sa.Column("matches", sa.Boolean(), nullable=False),
        sa.Column(
            "class", sa.Enum(*CLASSES, name="returnclass", native_enum=False, length=40, create_constraint=True), nullable=False
        ),
        sa.Column(
            "action", sa.Enum(*ACTIONS, name="action", native_enum=False, length=40, create_constraint=True), nullable=True
        ),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("reply_code", sa.SmallInteger(), nullable=True),
        sa.Column("rule", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["returned_mail.id"], name=op.f("fk_returned_mail_id_returned_mail"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returned")),
    )
    op.create_index(op.f("ix_returned_mail_id"), "returned", ["mail_id"])
    op.create_index(
        "ix_returned_address_id", "returned", ["address_id"], postgresql_where=sa.text("address_id IS NOT NULL")
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("returned")
    op.drop_table("returned_mail")
