"""The tables of templates."""

import sqlalchemy as sa
from alembic import op

revision = "0005_templates"
down_revision = "0004_suppression"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "template",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template")),
        sa.UniqueConstraint("code", name=op.f("uq_template_code")),
    )
    op.create_table(
        "template_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("template_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("preheader", sa.String(), server_default="", nullable=False),
        sa.Column(
            "markup",
            sa.Enum("mjml", "html", name="markup", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["template_id"], ["template.id"], name=op.f("fk_template_version_template_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_version")),
        sa.UniqueConstraint("template_id", "number", name=op.f("uq_template_version_template_id_number")),
    )
    # The name of a frozen version's author may not change either: approvals rest on the whole row.
    op.execute("CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON template_version"
               " FOR EACH ROW WHEN (OLD.frozen_at IS NOT NULL) EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    """Take back."""
    op.drop_table("template_version")
    op.drop_table("template")
