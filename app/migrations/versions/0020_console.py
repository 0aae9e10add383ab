"""What an approval was given for."""

revision = "0020_console"
down_revision = "0019_offline_consents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
