"""What comes back from mail servers."""

revision = "0023_bounces"
down_revision = "0022_hot_path"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
