"""Relays and providers that carry mail."""

revision = "0025_providers"
down_revision = "0024_limits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
