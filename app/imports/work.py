"""Read one uploaded file in, from taking it to its end state."""

from pathlib import Path

from app.imports import jobs
from app.imports.jobs import Taken
from app.imports.kinds import INTAKES
from app.imports.pulse import Interrupted, Pulse
from app.imports.storage import Folder
from contacts.importing import Result, import_file
from core.db import transaction
from core.errors import CrusoeError, NotReachable, WrongInput
from core.sentences import say
from suppression import wait_for_departures


def perform(taken: Taken) -> None:
    """Import the file and write down what came of it. With the database gone, the lease ends and it begins again."""
    folder = Folder(taken.import_id)
    result: Result | None = None
    error: CrusoeError | None = None
    on_its_way = 0
    with Pulse(taken) as pulse:
        try:
            result = _import(taken, folder, pulse)
            on_its_way = wait_for_departures() if taken.wanted.stops_mail else 0
        except Interrupted:
            _leave(taken, folder, done=pulse.done)
            return
        except NotReachable:
            raise
        except CrusoeError as mistake:
            error = _in_words_of_the_browser(mistake, folder)
        except OSError as failure:
            error = WrongInput(
                "file_unreadable", say("The file cannot be read or written: %(why)s.", why=failure.strerror)
            )
        pulse.write()
    with transaction() as session:
        ours = jobs.settle(session, taken, result=result, error=error, on_its_way=on_its_way)
    if ours:
        folder.drop_upload()
    else:
        _leave(taken, folder, done=pulse.done)


def _import(taken: Taken, folder: Folder, pulse: Pulse) -> Result:
    wanted = taken.wanted
    return import_file(
        INTAKES[wanted.kind](),
        path=folder.upload / wanted.name,
        mapping=_mapping(folder, wanted.mapping),
        errors=folder.rejected,
        dry_run=wanted.dry_run,
        encoding=wanted.encoding or None,
        progress=pulse.follow,
    )


def _mapping(folder: Folder, words: str) -> Path | None:
    if not words:
        return None
    folder.mapping.write_text(words)
    return folder.mapping


def _leave(taken: Taken, folder: Folder, *, done: int) -> None:
    """Somebody cancelled, or another worker shall begin again."""
    with transaction() as session:
        cancelled = jobs.leave(session, taken, done=done)
    if cancelled:
        folder.drop_upload()


def _in_words_of_the_browser(error: CrusoeError, folder: Folder) -> CrusoeError:
    """People know their file by its name, not by where we put it."""
    for place in (folder.upload, folder.path):
        error.where = error.where.removeprefix(f"{place}/")
    return error
