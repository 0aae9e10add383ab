"""Files that people send: streamed into the home, and large ones only from those who may send them.

The form token is looked for before a view runs, and that reads the whole form. So a request is allowed to be large
before that, and only when the person behind it may use the view.
"""

from typing import IO, Any

from flask import Flask, Request, current_app, request
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from app.imports.storage import arriving
from core.errors import NotReachable, WrongInput
from core.web import current_actor

MEGABYTE = 1 << 20


class FileRequest(Request):
    """A request whose files go to the disk of the home: /tmp is memory in many containers."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return arriving()


def install(app: Flask) -> None:
    """Read forms with files before anything else does."""
    app.request_class = FileRequest
    app.before_request(_take_in)


def _take_in() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    most = getattr(view, "most_bytes", None)
    person = current_actor()
    if most is None or person is None or not person.may(view.permission):  # type: ignore[union-attr]
        return
    request.max_content_length = most()
    try:
        request.files.keys()
    except RequestEntityTooLarge:
        raise WrongInput(
            "file_too_large",
            _("The file is larger than %(limit)s MB.", limit=most() // MEGABYTE),
            _("Use the import command for large files."),
        ) from None
    except OSError as error:
        raise NotReachable(
            "file_not_kept",
            _("The file cannot be kept: %(why)s.", why=error.strerror),
            _("Whoever runs this installation must make room on its disk; then send it again."),
        ) from error
