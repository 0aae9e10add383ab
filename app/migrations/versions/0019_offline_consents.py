"""What limits the sign-ups of one form."""

from alembic import op

revision = "0019_offline_consents"
down_revision = "0018_proof"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        op.f("ix_signup_request_form_id_signup_request_requested_at"), "signup_request", ["form_id", "requested_at"]
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_signup_request_form_id_signup_request_requested_at"), table_name="signup_request")
