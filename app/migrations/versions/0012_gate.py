"""Wider blocks, more kinds of them, and addresses of a desk told apart from those of a person."""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from suppression import RuleSettings

revision = "0012_gate"
down_revision = "0011_app"
branch_labels = None
depends_on = None

CAUSES = ("opted_out", "complaint", "hard_bounce", "internal_block")
MORE_CAUSES = ("deceased", "restricted", "minor", "case_open")

NAMED_BEFORE = "(address_id IS NULL) <> (domain_key IS NULL)"
NAMED = "num_nonnulls(address_id, domain_key, company_id) = 1"

_NAMES = (
    "abuse accounting admin administration administrator bewerbung billing booking buchhaltung career "
    "careers contact datenschutz einkauf empfang ftp hello help helpdesk hostmaster hr info it jobs "
    "kontakt kundendienst kundenservice legal mail mailbox marketing news no-reply noc noreply office "
    "post postmaster press presse privacy purchasing reception rechnung redaktion reservierung root sales "
    "security sekretariat service support team technik usenet uucp verkauf versand vertrieb webmaster www "
    "zentrale "
)
ROLES = tuple(_NAMES.split())
DESK = "split_part(split_part(lower(value), '@', 1), '+', 1)"
IS_ROLE_ACCOUNT = f"channel = 'email' AND {DESK} IN ({', '.join(repr(role) for role in ROLES)})"


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "endpoint",
        sa.Column("role_account", sa.Boolean(), sa.Computed(IS_ROLE_ACCOUNT, persisted=True), nullable=False),
    )
    op.create_index("ix_endpoint_role_account", "endpoint", ["id"], postgresql_where=sa.text("role_account"))
    op.add_column("suppression_entry", sa.Column("company_id", sa.BigInteger(), nullable=True))
    op.add_column("suppression_entry", sa.Column("below", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("suppression_entry", sa.Column("until", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_suppression_entry_company_id"), "suppression_entry", "company", ["company_id"], ["id"]
    )
    op.create_index(op.f("ix_suppression_entry_company_id"), "suppression_entry", ["company_id"])
    _check(NAMED, _causes((*CAUSES, *MORE_CAUSES)))
    _keep_activations_apart()


def _keep_activations_apart() -> None:
    op.create_table(
        "rule_activation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("rule_set_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("activated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["rule_set_id"], ["rule_set.id"], name=op.f("fk_rule_activation_rule_set_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_activation")),
    )
    # Rules now carry the rows of law as well. Defaults that no decision rests on yet are made anew, with them.
    op.execute("ALTER TABLE rule_set DISABLE TRIGGER append_only")
    op.execute("DELETE FROM rule_set WHERE activated_by = 'system' AND NOT EXISTS (SELECT FROM decision_context)")
    op.execute("ALTER TABLE rule_set ENABLE TRIGGER append_only")
    op.execute(
        "SELECT setval(pg_get_serial_sequence('rule_set', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM rule_set), false)"
    )
    _begin_with_the_defaults()
    op.execute(
        "INSERT INTO rule_activation (rule_set_id, at, activated_by)"
        " SELECT id, activated_at, activated_by FROM rule_set ORDER BY id"
    )
    op.alter_column("rule_set", "activated_at", new_column_name="proposed_at")
    op.alter_column("rule_set", "activated_by", new_column_name="proposed_by")
    op.add_column("rule_set", sa.Column("note", sa.String(), server_default="", nullable=False))
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_activation"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _begin_with_the_defaults() -> None:
    """The gate must never fail for want of rules, and looking at a page must not have to make any."""
    defaults = RuleSettings()
    op.get_bind().execute(
        sa.text(
            "INSERT INTO rule_set (settings, sha256, activated_by)"
            " SELECT CAST(:settings AS jsonb), :digest, 'system' WHERE NOT EXISTS (SELECT FROM rule_set)"
        ),
        {"settings": json.dumps(defaults.model_dump(mode="json")), "digest": defaults.digest},
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("rule_set", "note")
    op.alter_column("rule_set", "proposed_by", new_column_name="activated_by")
    op.alter_column("rule_set", "proposed_at", new_column_name="activated_at")
    op.drop_table("rule_activation")
    _check(NAMED_BEFORE, _causes(CAUSES))
    op.drop_index(op.f("ix_suppression_entry_company_id"), table_name="suppression_entry")
    for column in ("until", "below", "company_id"):
        op.drop_column("suppression_entry", column)
    op.drop_index("ix_endpoint_role_account", table_name="endpoint")
    op.drop_column("endpoint", "role_account")


def _causes(allowed: tuple[str, ...]) -> str:
    return f"cause IN ({', '.join(repr(cause) for cause in allowed)})"


def _check(named: str, causes: str) -> None:
    for name, condition in (("address_or_domain", named), ("cause", causes)):
        constraint = op.f(f"ck_suppression_entry_{name}")
        op.drop_constraint(constraint, "suppression_entry", type_="check")
        op.create_check_constraint(constraint, "suppression_entry", condition)
