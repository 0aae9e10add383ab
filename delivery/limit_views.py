"""The pages of what a sender may send: how it stands, and the form to change it."""

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from core.db import transaction
from core.errors import CrusoeError
from core.permissions import Permission
from core.sentences import Sentence
from core.web import acting, needs, page
from delivery.doctor.whom import find_sender
from delivery.models import Sender
from delivery.pace.changing import change_limits, fingerprint, last_change
from delivery.pace.limit_form import BRAKE, Form, filled, rows_of, written
from delivery.pace.limits import EACH, Limits, read_limits
from delivery.pace.operators import OTHER_CODE, names_of, operators
from delivery.pace.reputation import reputation
from delivery.sender_views import routes


@routes.get("/<code>/limits")
@needs(Permission.SEE_SENDERS)
def limits(code: str) -> ResponseReturnValue:
    """What a sender may do, its warm-up, and how it stands with those who run mailboxes."""
    with transaction() as session:
        sender = find_sender(session, code)
        return page(
            "delivery/sender_limits.html",
            sender=sender,
            found=reputation(session, sender=sender),
            names=_names(session),
            changed=last_change(session, sender=sender),
        )


@routes.get("/<code>/limits/edit")
@needs(Permission.LIMIT_SENDERS)
def edit_limits(code: str) -> ResponseReturnValue:
    """The form with what holds now."""
    with transaction() as session:
        sender = find_sender(session, code)
        names = _names(session)
        fields = written(_limits(sender), name_of=lambda one: names.get(one, one), point=_point())
        return _form(sender, fields | {"seen": fingerprint(sender)}, names)


@routes.post("/<code>/limits/edit")
@needs(Permission.LIMIT_SENDERS)
def store_limits(code: str) -> ResponseReturnValue:
    """Change what a sender may do, with a reason."""
    form = request.form
    with transaction() as session:
        sender = find_sender(session, code)
        names = _names(session)
        brake = None if acting().may(Permission.MANAGE_SENDERS) else _limits(sender).brake
        read = filled(form, naming=lambda text: _code_of(names, text), brake=brake)
        if read.problems:
            return _form(sender, form, names, problems=read.problems), 422
    try:
        with transaction() as session:
            sender = find_sender(session, code)
            reason, seen = form.get("reason", ""), form.get("seen", "")
            changed = change_limits(
                session, sender=sender, document=read.document, actor=acting(), reason=reason, seen=seen
            )
    except CrusoeError as error:
        with transaction() as session:
            return _form(find_sender(session, code), form, names, error=error), error.status
    flash(_("It counts from the next batch on.") if changed else _("Nothing was changed."))
    return redirect(url_for("senders.limits", code=code))


def _form(
    sender: Sender,
    form: Form,
    names: Mapping[str, str],
    *,
    problems: Mapping[str, Sentence] | None = None,
    error: CrusoeError | None = None,
) -> str:
    values: dict[str, Any] = {"form": form, "rows": rows_of(form), "problems": problems or {}, "error": error}
    return page("delivery/limits_form.html", sender=sender, names=names, brake=BRAKE, **values)


def _limits(sender: Sender) -> Limits:
    return read_limits(sender.limits, per_second=sender.most_per_second)


def _names(session: Session) -> dict[str, str]:
    """What people call operators, by code: the large ones, those that were learned, and the rest."""
    named = {one.code: one.name for one in operators()} | {one.code: one.name for one in names_of(session).values()}
    return named | {OTHER_CODE: _("All others"), EACH: _("Each operator that is not named")}


def _code_of(names: Mapping[str, str], text: str) -> str | None:
    """The code that is meant by a name or a code, in whatever case."""
    wanted = text.strip().casefold()
    return next((code for code, name in names.items() if wanted in {code.casefold(), name.casefold()}), None)


def _point() -> str:
    locale = get_locale()
    return str(locale.number_symbols["latn"]["decimal"]) if locale else "."
