"""What lists keep besides their records."""

revision = "0013_lists"
down_revision = "0012_gate"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
