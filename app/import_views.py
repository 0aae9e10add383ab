"""Import a file in the browser: the same importer as on the command line, for files of moderate size."""

import csv
import re
import tempfile
from pathlib import Path
from typing import Any

from flask import request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.utils import secure_filename

from app.views import routes
from contacts.importing import Intake, Result, import_file
from contacts.intakes import ConsentIntake, ContactIntake, OrderIntake
from core import audit
from core.db import transaction
from core.errors import CrusoeError, NotFound, WrongInput
from core.permissions import Permission
from core.settings import settings
from core.web import acting, needs, page
from suppression import OptOutIntake

# More than this is a matter for the command line, which shows how far it is.
LARGEST_FILE = 64 * 1024 * 1024
SHOWN_ERRORS = 50

_ERROR_FILE = re.compile(r"[a-z]+-\d{8}-\d{6}-\d{6}\.csv")

INTAKES: dict[str, Any] = {
    "contacts": ContactIntake,
    "consents": ConsentIntake,
    "orders": OrderIntake,
    "optouts": OptOutIntake,
}


@routes.get("/import")
@needs(Permission.IMPORT_CONTACTS)
def import_form() -> ResponseReturnValue:
    """The form."""
    return _form()


@routes.post("/import")
@needs(Permission.IMPORT_CONTACTS)
def import_upload() -> ResponseReturnValue:
    """Import a file, or only count what would happen. Good rows are stored, bad ones are listed."""
    request.max_content_length = LARGEST_FILE
    try:
        result, dry_run = _import(), bool(request.form.get("dry_run"))
    except CrusoeError as error:
        error.where = error.where or "file"
        return _form(error), error.status
    return page("app/import_done.html", result=result, dry_run=dry_run, errors=_first_errors(result))


@routes.get("/import/errors/<name>")
@needs(Permission.IMPORT_CONTACTS)
def import_errors(name: str) -> ResponseReturnValue:
    """The rejected rows of an import, to be corrected and imported again."""
    path = settings().home / "import-errors" / name
    if not _ERROR_FILE.fullmatch(name) or not path.is_file():
        raise NotFound("file_unknown", _("There is no such file."))
    return send_file(path, mimetype="text/csv", as_attachment=True, download_name=name)


def _form(error: CrusoeError | None = None) -> str:
    return page("app/import.html", error=error, kinds=list(INTAKES), form=request.form)


def _import() -> Result:
    kind, upload = request.form.get("kind", ""), request.files.get("file")
    if kind not in INTAKES:
        raise WrongInput("kind_unknown", _("Choose what the file holds."), where="kind")
    if upload is None or not upload.filename:
        raise WrongInput("file_missing", _("Choose a file."), where="file")
    intake: Intake[Any] = INTAKES[kind]()
    with tempfile.TemporaryDirectory() as folder:
        # The name is kept as evidence of the source, so only its harmless part is used.
        path = Path(folder) / (secure_filename(upload.filename)[:100] or "upload.csv")
        upload.save(path)
        result = import_file(
            intake,
            path=path,
            mapping=_mapping(Path(folder)),
            dry_run=bool(request.form.get("dry_run")),
            encoding=request.form.get("encoding") or None,
        )
    _note(kind, upload.filename, result)
    return result


def _mapping(folder: Path) -> Path | None:
    text = request.form.get("mapping", "").strip()
    if not text:
        return None
    path = folder / "mapping.yaml"
    path.write_text(text)
    return path


def _note(kind: str, name: str, result: Result) -> None:
    with transaction() as session:
        audit.record(
            session,
            actor=acting().email,
            user_id=acting().id,
            action=f"import.{kind}",
            object_type="file",
            object_id=name[:200],
            rows=result.rows,
            rejected=result.rejected,
            dry_run=bool(request.form.get("dry_run")),
        )


def _first_errors(result: Result) -> list[list[str]]:
    if result.errors_file is None:
        return []
    with Path(result.errors_file).open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        return [row[:4] for row, _number in zip(rows, range(SHOWN_ERRORS), strict=False)]
