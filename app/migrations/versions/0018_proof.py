"""Time stamps of anchors."""

revision = "0018_proof"
down_revision = "0017_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
