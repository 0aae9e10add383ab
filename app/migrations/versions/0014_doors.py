"""What other systems may ask the gate with."""

revision = "0014_doors"
down_revision = "0013_lists"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
