"""Who may do what: one table, used by pages, API and command line alike."""

from enum import StrEnum


class Role(StrEnum):
    """A user has one role; two people are needed for what must be checked by two."""

    MARKETER = "marketer"
    COMPLIANCE = "compliance"
    RELEASER = "releaser"
    SALES = "sales"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that a person can be allowed to do."""

    SEE_DASHBOARD = "dashboard.see"
    SEE_CONTACTS = "contacts.see"
    IMPORT_CONTACTS = "contacts.import"
    EXPORT_CONTACTS = "contacts.export"
    SEE_SEGMENTS = "segments.see"
    EDIT_SEGMENTS = "segments.edit"
    SEE_TEMPLATES = "templates.see"
    EDIT_TEMPLATES = "templates.edit"
    SEE_CAMPAIGNS = "campaigns.see"
    EDIT_CAMPAIGNS = "campaigns.edit"
    SUBMIT_CAMPAIGNS = "campaigns.submit"
    APPROVE_CAMPAIGNS = "campaigns.approve"
    # Of campaigns that risk something, an approval without this is not enough.
    APPROVE_RISKS = "campaigns.approve_risks"
    LAUNCH_CAMPAIGNS = "campaigns.launch"
    PAUSE_CAMPAIGNS = "campaigns.pause"
    RELEASE_HOLDS = "holds.release"
    SEE_RESTRICTED = "restricted.see"
    SEE_SUPPRESSION = "suppression.see"
    EDIT_SUPPRESSION = "suppression.edit"
    PROPOSE_RULES = "rules.propose"
    ACTIVATE_RULES = "rules.activate"
    SEE_LEADS = "leads.see"
    ANSWER_LEADS = "leads.answer"
    EXPORT_LEADS = "leads.export"
    SEE_AUDIT = "audit.see"
    SEE_INBOX = "inbox.see"
    SEE_SENDERS = "senders.see"
    # Signing keys, and what the findings about a sender do to releases.
    MANAGE_SENDERS = "senders.manage"
    # How fast and how much a sender sends, and its warm-up; the brake needs the permission above.
    LIMIT_SENDERS = "senders.limit"
    MANAGE_USERS = "users.manage"


_EVERYONE = {Permission.SEE_DASHBOARD, Permission.PAUSE_CAMPAIGNS}
_READING = {
    Permission.SEE_CONTACTS,
    Permission.SEE_SEGMENTS,
    Permission.SEE_TEMPLATES,
    Permission.SEE_CAMPAIGNS,
    Permission.SEE_SUPPRESSION,
    Permission.SEE_INBOX,
    Permission.SEE_SENDERS,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.MARKETER: frozenset(
        _EVERYONE
        | _READING
        | {
            Permission.IMPORT_CONTACTS,
            Permission.EDIT_SEGMENTS,
            Permission.EDIT_TEMPLATES,
            Permission.EDIT_CAMPAIGNS,
            Permission.SUBMIT_CAMPAIGNS,
            Permission.LAUNCH_CAMPAIGNS,
            Permission.LIMIT_SENDERS,
            Permission.SEE_LEADS,
        }
    ),
    Role.COMPLIANCE: frozenset(
        _EVERYONE
        | _READING
        | {
            Permission.IMPORT_CONTACTS,
            Permission.EXPORT_CONTACTS,
            Permission.SEE_RESTRICTED,
            Permission.APPROVE_CAMPAIGNS,
            Permission.APPROVE_RISKS,
            Permission.RELEASE_HOLDS,
            Permission.EDIT_SUPPRESSION,
            Permission.MANAGE_SENDERS,
            Permission.LIMIT_SENDERS,
            Permission.PROPOSE_RULES,
            Permission.ACTIVATE_RULES,
            Permission.SEE_LEADS,
            Permission.EXPORT_LEADS,
            Permission.SEE_AUDIT,
        }
    ),
    Role.RELEASER: frozenset(
        _EVERYONE
        | _READING
        | {
            Permission.SUBMIT_CAMPAIGNS,
            Permission.APPROVE_CAMPAIGNS,
            Permission.LAUNCH_CAMPAIGNS,
            Permission.ACTIVATE_RULES,
            Permission.SEE_AUDIT,
        }
    ),
    Role.SALES: frozenset(
        _EVERYONE
        | {
            Permission.SEE_CONTACTS,
            Permission.SEE_LEADS,
            Permission.ANSWER_LEADS,
            Permission.EXPORT_LEADS,
            Permission.SEE_INBOX,
        }
    ),
    Role.ADMIN: frozenset(Permission),
}


def may(*, role: Role, permission: Permission) -> bool:
    """Whether people of this role may do it."""
    return permission in GRANTS[role]
