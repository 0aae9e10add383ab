"""Who may work with this installation."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from app.views import routes
from app.wording import WORDS
from core import accounts, users
from core.db import transaction
from core.errors import CrusoeError, WrongInput
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission, Role
from core.sentences import say
from core.tables import Column, Table, contains
from core.users import User
from core.web import acting, needs, page


def _table() -> Table:
    roles = {role.value: str(WORDS["role"][role].label) for role in Role}
    return Table(
        columns=(
            Column("name", _("Name"), User.name),
            Column("email", _("E-mail"), User.email),
            Column("role", _("Role"), User.role, choices=roles),
            Column("created_at", _("Since"), User.created_at),
            Column("disabled_at", _("Account"), User.disabled_at, sortable=False),
        ),
        key=User.id,
        sort="name",
        export="app.export_users",
        search=contains(User.name, User.email),
    )


def _listing(error: CrusoeError | None = None, password: str = "") -> str:
    listing = listed(_table(), select(User))
    return page("app/users.html", listing=listing, error=error, password=password, roles=list(Role))


@routes.get("/users")
@needs(Permission.MANAGE_USERS)
def user_list() -> ResponseReturnValue:
    """All accounts."""
    return _listing()


@routes.post("/users/export")
@needs(Permission.MANAGE_USERS)
def export_users() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(_table(), select(User), name="users")


@routes.post("/users")
@needs(Permission.MANAGE_USERS)
def add_user() -> ResponseReturnValue:
    """Create an account. Its drawn password is shown once, on this page."""
    form = request.form
    try:
        with transaction() as session:
            email = form.get("email", "")
            password = users.add(session, email=email, role=_role(), name=form.get("name", ""))
    except CrusoeError as error:
        return _listing(error), error.status
    flash(_("%(email)s was added.", email=email))
    return _listing(password=password)


@routes.post("/users/<int:user_id>/role")
@needs(Permission.MANAGE_USERS)
def change_role(user_id: int) -> ResponseReturnValue:
    """Give another role."""
    with transaction() as session:
        accounts.change_role(session, actor=acting(), user_id=user_id, role=_role())
    flash(_("The role is changed; the person must log in again."))
    return redirect(url_for("app.user_list"))


@routes.post("/users/<int:user_id>/switch")
@needs(Permission.MANAGE_USERS)
def switch_user(user_id: int) -> ResponseReturnValue:
    """Close or open an account."""
    active = request.form.get("active") == "yes"
    with transaction() as session:
        accounts.switch(session, actor=acting(), user_id=user_id, active=active)
    flash(_("The account is open.") if active else _("The account is closed."))
    return redirect(url_for("app.user_list"))


def _role() -> Role:
    wanted = request.form.get("role", "")
    if wanted not in {role.value for role in Role}:
        raise WrongInput("role_unknown", say("There is no role %(name)s.", name=repr(wanted)), where="role")
    return Role(wanted)
