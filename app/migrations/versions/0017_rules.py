"""What makes a customer: who sold, orders told apart from inquiries, and the notice that was shown."""

import sqlalchemy as sa
from alembic import op

revision = "0017_rules"
down_revision = "0016_channels"
branch_labels = None
depends_on = None

_KIND = sa.Enum(
    "order", "inquiry", name="purchasekind", native_enum=False, create_constraint=True, length=40
)


def upgrade() -> None:
    """Apply."""
    op.add_column("purchase", sa.Column("kind", _KIND, server_default="order", nullable=False))
    op.add_column("purchase", sa.Column("controller_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_purchase_controller_id", "purchase", "controller", ["controller_id"], ["id"])
    op.add_column("purchase", sa.Column("notice_version", sa.String(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("purchase", "notice_version")
    op.drop_column("purchase", "controller_id")
    op.drop_column("purchase", "kind")
