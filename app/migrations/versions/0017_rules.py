"""Clocks of consents, quiet hours, similar goods."""

revision = "0017_rules"
down_revision = "0016_channels"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
