"""A permission that nobody has, or that nothing asks for, is a mistake."""

from core.permissions import GRANTS, Permission, Role
from tests.guards.source import ROOT, files


def test_every_role_has_its_grants():
    assert set(GRANTS) == set(Role)


def test_every_permission_is_granted_to_somebody_besides_the_administrator():
    granted = set().union(*(granted for role, granted in GRANTS.items() if role is not Role.ADMIN))
    assert set(Permission) - granted <= {Permission.MANAGE_USERS}


def test_every_permission_is_asked_for_somewhere():
    code = "".join(file.read_text() for file in files() if file != ROOT / "core" / "permissions.py")
    pages = "".join(page.read_text() for page in ROOT.glob("*/pages/**/*.html"))
    unused = [p.name for p in Permission if f"Permission.{p.name}" not in code and p.value not in code + pages]
    assert unused == []


def test_nobody_both_writes_and_approves_alone():
    """Four eyes: the marketer writes and cannot approve, compliance approves and cannot write."""
    assert Permission.APPROVE_CAMPAIGNS not in GRANTS[Role.MARKETER]
    assert Permission.EDIT_CAMPAIGNS not in GRANTS[Role.COMPLIANCE]
