"""How many mails to people in an imported file were still on their way when it ended."""

import sqlalchemy as sa
from alembic import op

revision = "0030_departures"
down_revision = "0029_mail_domains"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("import_job", sa.Column("on_its_way", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    """Take back."""
    op.drop_column("import_job", "on_its_way")
