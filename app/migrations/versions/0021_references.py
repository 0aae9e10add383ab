"""Consents are found by their reference."""

revision = "0021_references"
down_revision = "0020_console"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
