"""Import a file in the browser: a worker reads it in while the page shows how far it is."""

import csv
import json
from datetime import timedelta
from itertools import islice

from flask import Response, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.utils import secure_filename

from app.imports import jobs, listing
from app.imports.jobs import Wanted
from app.imports.kinds import INTAKES
from app.imports.models import ImportJob, ImportState
from app.imports.remedies import for_file, for_row
from app.imports.storage import SHOWN_ERRORS, Folder
from app.uploads import MEGABYTE
from app.views import routes
from core import audit, clock
from core.db import transaction
from core.errors import CrusoeError, NotFound, WrongInput
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.sentences import recalled
from core.settings import settings
from core.web import acting, needs, page, takes_files

LONGEST_MAPPING = 100_000
# Workers look every five seconds even without a broker; after this something is wrong with them.
LONGEST_WAIT = timedelta(seconds=30)


@routes.get("/import")
@needs(Permission.IMPORT_CONTACTS)
def import_form() -> ResponseReturnValue:
    """The form, and what was imported before."""
    return _form()


@routes.post("/import")
@needs(Permission.IMPORT_CONTACTS)
@takes_files(lambda: settings().import_limit * MEGABYTE)
def import_upload() -> ResponseReturnValue:
    """Keep the file for a worker; its page says what becomes of it."""
    try:
        import_id = _keep()
    except CrusoeError as error:
        return _form(error), error.status
    return redirect(url_for("app.import_page", import_id=import_id))


@routes.get("/import/<int:import_id>")
@needs(Permission.IMPORT_CONTACTS)
def import_page(import_id: int) -> ResponseReturnValue:
    """How far one import is, or what came of it."""
    return _shown("app/import_job.html", import_id)


@routes.get("/import/<int:import_id>/progress")
@needs(Permission.IMPORT_CONTACTS)
def import_progress(import_id: int) -> ResponseReturnValue:
    """The part of the page that asks again every second until the import has ended."""
    return _shown("app/import_progress.html", import_id)


@routes.post("/import/<int:import_id>/cancel")
@needs(Permission.IMPORT_CONTACTS)
def import_cancel(import_id: int) -> ResponseReturnValue:
    """Stop it between two chunks; rows that are stored stay."""
    with transaction() as session:
        waiting = jobs.find(session, import_id).state == ImportState.WAITING
        cancelled = jobs.cancel(session, import_id, actor=acting())
    if waiting and cancelled:
        Folder(import_id).drop_upload()
    return redirect(url_for("app.import_page", import_id=import_id))


@routes.post("/import/<int:import_id>/rejected")
@needs(Permission.IMPORT_CONTACTS)
def import_rejected(import_id: int) -> ResponseReturnValue:
    """The rejected rows, to be corrected and imported again. A POST, because taking them is written down."""
    path = Folder(import_id).rejected
    if not path.is_file():
        raise NotFound("file_unknown", _("There is no such file."), _("Rejected rows are kept for 30 days."))
    with transaction() as session:
        job = jobs.find(session, import_id)
        audit.record(
            session,
            actor=acting().email,
            user_id=acting().id,
            action="import.rejected_taken",
            object_type="file",
            object_id=job.name[:200],
            import_id=import_id,
            rows=job.rejected,
        )
    answer: Response = send_file(path, mimetype="text/csv", as_attachment=True, download_name=f"rejected-{job.name}")
    return answer


@routes.post("/import/export")
@needs(Permission.IMPORT_CONTACTS)
def export_imports() -> ResponseReturnValue:
    """What the list of imports shows as CSV."""
    return table_as_csv(listing.table(), listing.source(), name="imports")


def _form(error: CrusoeError | None = None) -> str:
    found = listed(listing.table(), listing.source())
    limit = settings().import_limit
    return page(
        "app/import.html",
        error=error,
        kinds=list(INTAKES),
        form=request.form or request.args,
        listing=found,
        limit=limit,
    )


def _keep() -> int:
    form, upload = request.form, request.files.get("file")
    if form.get("kind", "") not in INTAKES:
        raise WrongInput("kind_unknown", _("Choose what the file holds."), where="kind")
    if upload is None or not upload.filename:
        raise WrongInput("file_missing", _("Choose a file."), where="file")
    mapping = form.get("mapping", "").strip()
    if len(mapping) > LONGEST_MAPPING:
        raise WrongInput("mapping_long", _("The mapping is too long."), where="mapping")
    # The name is kept as evidence of the source, so only its harmless part is used.
    name = secure_filename(upload.filename)[-100:] or "upload.csv"
    wanted = Wanted(form["kind"], name, mapping, form.get("encoding", "").strip()[:40], bool(form.get("dry_run")))
    with transaction() as session:
        job = jobs.reserve(session, wanted, size=0, actor=acting())
        job.size = Folder(job.id).keep(upload.stream, name=name)
    return job.id


def _shown(template: str, import_id: int) -> str:
    with transaction() as session:
        job = jobs.find(session, import_id)
        ahead = jobs.ahead(session, job) if job.state == ImportState.WAITING else 0
    late = job.state == ImportState.WAITING and not ahead and clock.now() - job.created_at > LONGEST_WAIT
    error = for_file(job.error["code"], job.error["remedy"]) if job.error else ""
    rejected = _first_rejected(job)
    return page(template, job=job, ahead=ahead, late=late, remedy=error, rejected=rejected, open=job.state in jobs.OPEN)


def _first_rejected(job: ImportJob) -> list[list[str]]:
    """Line, field, reason, what is wrong, what to do: of the first rejected rows of an import that has ended."""
    folder = Folder(job.id)
    if job.ended_at is None or not folder.rejected.is_file():
        return []
    # A worker that was killed left no explanations; then the words of the file must do.
    explained = dict(enumerate(json.loads(folder.explained.read_text()))) if folder.explained.is_file() else {}
    with folder.rejected.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        return [
            [*row[:3], recalled(explained.get(number, row[3])), for_row(row[2])]
            for number, row in enumerate(islice(rows, SHOWN_ERRORS))
        ]
