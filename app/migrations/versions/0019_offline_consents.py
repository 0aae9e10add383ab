"""Consents given on paper or in a call."""

revision = "0019_offline_consents"
down_revision = "0018_proof"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
