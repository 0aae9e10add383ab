"""Upload a new version of an external list."""

import tempfile
from datetime import datetime
from pathlib import Path

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.days import here
from core.db import transaction
from core.errors import CrusoeError, WrongInput
from core.permissions import Permission
from core.web import acting, needs, page, takes_files
from suppression.lists.adapter import Access
from suppression.lists.entrance import Approval
from suppression.lists.known import LISTS
from suppression.lists.load import Imported, import_list
from suppression.lists.standing import status
from suppression.lists.switching import expire, remove
from suppression.views import routes

# Five million digests have a fifth of this. What is larger is loaded on the command line.
LARGEST_LIST = 512 * 1024 * 1024

FIELDS = frozenset({"published_at", "list_id", "options", "reason"})


@routes.get("/lists/new")
@needs(Permission.EDIT_SUPPRESSION)
def list_form() -> ResponseReturnValue:
    """The form for the file of a list operator."""
    return page("suppression/list_upload.html", lists=_readable(), error=None, form=request.args)


@routes.post("/lists")
@needs(Permission.EDIT_SUPPRESSION)
@takes_files(lambda: LARGEST_LIST)
def upload_list() -> ResponseReturnValue:
    """Check the file and put it into force; when anything is wrong with it, nothing changes."""
    try:
        found = _import()
    except CrusoeError as error:
        error.where = _field_of(error)
        return page("suppression/list_upload.html", lists=_readable(), error=error, form=request.form), error.status
    if found.changed:
        flash(_("Version %(version)s with %(count)s records is in force.", version=found.version, count=found.records))
    else:
        flash(_("This very file is in force already."), "info")
    return redirect(url_for("suppression.index"))


def _readable() -> list[tuple[str, str]]:
    """The lists that come as a file, with their titles: first those that have to be asked."""
    with transaction() as session:
        asked = {found.list for found in status(session) if found.required}
    files = [spec for spec in LISTS.values() if spec.access is Access.FILE]
    return [
        (spec.id, f"{spec.id}: {spec.title}") for spec in sorted(files, key=lambda one: (one.id not in asked, one.id))
    ]


def _field_of(error: CrusoeError) -> str:
    if error.code == "option_wrong":
        return "options"
    if error.code == "list_shrunk":
        return "shrunk"
    return error.where if error.where in FIELDS else "file"


@routes.post("/lists/<list_id>/retire")
@needs(Permission.EDIT_SUPPRESSION)
def retire_list(list_id: str) -> ResponseReturnValue:
    """Take the version in force away, or rely on it no longer. Both need a reason, and hold those whom it concerns."""
    verb = remove if request.form.get("how") == "remove" else expire
    with transaction() as session:
        verb(session, list_id=list_id, actor=acting(), reason=request.form.get("reason", ""))
    flash(_("The list is out of use; whom it concerns is held until there is a new version."))
    return redirect(url_for("app.one_list", list_id=list_id))


def _options() -> dict[str, str]:
    lines = [line for line in request.form.get("options", "").splitlines() if line.strip()]
    if not all("=" in line for line in lines):
        raise WrongInput("option_wrong", _("An option is written NAME=VALUE."), where="options")
    return {name.strip(): value.strip() for name, _sign, value in (line.partition("=") for line in lines)}


def _import() -> Imported:
    list_id, upload = request.form.get("list_id", ""), request.files.get("file")
    if list_id not in LISTS:
        raise WrongInput("list_unknown", _("There is no such list."), where="list_id")
    if upload is None or not upload.filename:
        raise WrongInput("file_missing", _("Choose a file."), where="file")
    with tempfile.TemporaryDirectory() as folder:
        # The name that the browser sends is only a note; the file gets a name of ours.
        path = Path(folder) / "list"
        upload.save(path)
        reason = request.form.get("reason", "").strip()
        return import_list(
            path=path,
            list_id=list_id,
            published_at=_published(),
            actor=acting().email,
            note=upload.filename[:200],
            options=_options(),
            approval=Approval(acting(), reason, shrunk="shrunk" in request.form),
        )


def _published() -> datetime | None:
    text = request.form.get("published_at", "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongInput("date_invalid", _("This is no date."), where="published_at") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=here())
