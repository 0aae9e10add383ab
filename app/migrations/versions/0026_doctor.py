"""What was found about a sender's domain."""

revision = "0026_doctor"
down_revision = "0025_providers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
