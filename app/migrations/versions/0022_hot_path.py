"""What the way to the server needs."""

revision = "0022_hot_path"
down_revision = "0021_references"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
