"""What the rights of the people need."""

revision = "0015_rights"
down_revision = "0014_doors"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
