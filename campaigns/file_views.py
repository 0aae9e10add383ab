"""Files for calls, letters and text messages: made by a button, handed out as a download, listed with their end."""

import tempfile
from pathlib import Path

from flask import request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.approval import void_if_changed
from campaigns.channel_exports import KINDS, Exported, export, publish
from campaigns.service import find, lock
from campaigns.views import routes, show_page
from core.db import transaction
from core.errors import CrusoeError, WrongInput
from core.permissions import Permission
from core.settings import settings
from core.web import acting, needs


@routes.post("/<code>/files")
@needs(Permission.EXPORT_CONTACTS)
def make_file(code: str) -> ResponseReturnValue:
    """Decide about everybody, store that, and hand the file out. Its name is its number."""
    with transaction() as session:
        find(session, code)
    try:
        # In the home: /tmp is memory in many containers. The folder goes, and the open file can still be read.
        with tempfile.TemporaryDirectory(dir=settings().home) as folder:
            path = Path(folder) / "people.csv"
            made = _made(code, path)
            publish(path)
            content = path.open("rb")
    except CrusoeError as error:
        return show_page(code, error), error.status
    return send_file(content, mimetype="text/csv", as_attachment=True, download_name=f"{made.export}.csv")


def _made(code: str, path: Path) -> Exported:
    kind = request.form.get("kind", "")
    if kind not in KINDS:
        raise WrongInput("kind_unknown", _("Choose for which channel."))
    try:
        with transaction() as session:
            return export(session, campaign=lock(session, code), channel=KINDS[kind], actor=acting(), path=path)
    except CrusoeError as error:
        if error.code == "approval_void":
            # What was approved is not what would go out any more: take the approval back for good.
            with transaction() as session:
                void_if_changed(session, campaign=lock(session, code), actor="system")
        raise
