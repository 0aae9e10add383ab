"""Limits, windows and brakes of sending."""

revision = "0024_limits"
down_revision = "0023_bounces"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
