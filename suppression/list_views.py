"""Upload a new version of an external list."""

import tempfile
from datetime import datetime
from pathlib import Path

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone
from flask_babel import gettext as _

from core.errors import CrusoeError, WrongInput
from core.permissions import Permission
from core.web import acting, needs, page, takes_files
from suppression.lists.known import LISTS
from suppression.lists.load import Imported, import_list
from suppression.views import routes

# The Austrian list had 1.5 MB in recent years; ten times that is a mistake.
LARGEST_LIST = 64 * 1024 * 1024


@routes.get("/lists/new")
@needs(Permission.EDIT_SUPPRESSION)
def list_form() -> ResponseReturnValue:
    """The form for the file of a list operator."""
    return page("suppression/list_upload.html", lists=sorted(LISTS), error=None, form={})


@routes.post("/lists")
@needs(Permission.EDIT_SUPPRESSION)
@takes_files(lambda: LARGEST_LIST)
def upload_list() -> ResponseReturnValue:
    """Check the file and put it into force; when anything is wrong with it, nothing changes."""
    try:
        found = _import()
    except CrusoeError as error:
        error.where = error.where if error.where in {"published_at", "list_id"} else "file"
        return page("suppression/list_upload.html", lists=sorted(LISTS), error=error, form=request.form), error.status
    if found.changed:
        flash(_("Version %(version)s with %(count)s records is in force.", version=found.version, count=found.records))
    else:
        flash(_("This very file is in force already."), "info")
    return redirect(url_for("suppression.index"))


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
        note = upload.filename[:200]
        return import_list(path=path, list_id=list_id, published_at=_published(), actor=acting().email, note=note)


def _published() -> datetime | None:
    text = request.form.get("published_at", "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongInput("date_invalid", _("This is no date."), where="published_at") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=get_timezone())
