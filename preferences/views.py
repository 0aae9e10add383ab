"""Unsubscribing, the preference page, what is held, and why somebody got a mail."""

from collections.abc import Callable
from typing import Any

from flask import Response, request, send_from_directory, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _
from pydantic import ValidationError

from core.cli import dump
from core.db import transaction
from core.web import public, without_csrf
from preferences.centre import Decisions, Pause, save, send_fresh_link, standing
from preferences.held import held
from preferences.masking import masked
from preferences.recipient import Recipient, of_message, recipient
from preferences.showing import language, link_unknown, pages, show, visit
from preferences.unsubscribe import Scope, Stopped, stop
from preferences.why import reason
from tracking import Purpose

WRONG_INPUT = 422
SEE_OTHER = 303
# It is stored and holds, but one mail was on its way all the time.
ON_ITS_WAY = 202


@pages.get("/r/recipient.css")
@public
def style() -> ResponseReturnValue:
    """The look of the pages for recipients."""
    return send_from_directory(f"{pages.root_path}/static", "recipient.css", max_age=3600)


@pages.get("/u/<token>")
@public
def see_unsubscribe(token: str) -> ResponseReturnValue:
    """A page with a button. Whoever merely opens it, such as a scanner, stops nothing."""
    with transaction() as session:
        who = recipient(session, purpose=Purpose.UNSUBSCRIBE, token=token)
    if who is None:
        return link_unknown()
    return show("unsubscribe", locale=language(who.locale), **_about(who), token=token, done=None, on_its_way=False)


@pages.post("/u/<token>")
@public
@without_csrf
def unsubscribe(token: str) -> ResponseReturnValue:
    """One-click by mail programs (RFC 8058), or the button of our page. Only these exact fields act.

    The answer to a mail program is the same for every token, used, unknown or old; but 202 while a mail to this very
    person is being handed over and does not end.
    """
    if request.form.get("List-Unsubscribe") == "One-Click":
        done = stop(purpose=Purpose.UNSUBSCRIBE, token=token, scope=Scope.LIST, through="one_click", visit=visit())
        return Response("OK", status=_status(done), mimetype="text/plain")
    scope = _scope()
    if scope is None:
        return Response("Nothing was changed.", status=WRONG_INPUT, mimetype="text/plain")
    done = stop(purpose=Purpose.UNSUBSCRIBE, token=token, scope=scope, through="page", visit=visit())
    if done is None:
        return link_unknown()
    with transaction() as session:
        who = of_message(session, done.token)
    locale, about = language(who.locale), _about(who)
    late = {"on_its_way": done.on_its_way, "status": _status(done)}
    return show("unsubscribe", locale=locale, **about, **late, token=token, done=scope.value)


@pages.after_request
def open_to_webmail(response: Response) -> Response:
    """Some webmail programs press the button by script from their own site."""
    if request.path.startswith("/u/"):
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Methods"] = "POST"
        response.headers["Access-Control-Allow-Headers"] = "*"
    return response


@pages.get("/p/<token>")
@public
def see_preferences(token: str) -> ResponseReturnValue:
    """Everything that the person can decide."""
    return _preferences(token)


@pages.post("/p/<token>")
@public
@without_csrf
def save_preferences(token: str) -> ResponseReturnValue:
    """Store the decisions."""
    try:
        decisions = Decisions(**_fields())
    except ValidationError:
        return _preferences(token, mistake=True)
    with transaction() as session:
        who = recipient(session, purpose=Purpose.PREFERENCES, token=token)
        if who is None:
            return link_unknown()
        save(session, who, decisions=decisions)
    return _back(token, saved="yes")


@pages.post("/p/<token>/stop")
@public
@without_csrf
def stop_from_preferences(token: str) -> ResponseReturnValue:
    """Stop this kind of mail, or everything."""
    scope = _scope()
    if scope is None:
        return _preferences(token, mistake=True)
    done = stop(purpose=Purpose.PREFERENCES, token=token, scope=scope, through="preferences", visit=visit())
    if done is None:
        return link_unknown()
    return _back(token, stopped=scope.value, **({"late": "yes"} if done.on_its_way else {}))


@pages.post("/p/<token>/link")
@public
@without_csrf
def ask_for_fresh_link(token: str) -> ResponseReturnValue:
    """Send a younger link to the address on file."""
    with transaction() as session:
        who = recipient(session, purpose=Purpose.PREFERENCES, token=token)
        if who is None:
            return link_unknown()
        send_fresh_link(session, who, locale=language(who.locale))
    return _back(token, link="sent")


@pages.get("/p/<token>/data")
@public
def see_data(token: str) -> ResponseReturnValue:
    """What is held, to be read."""
    return _with_data(
        token, lambda who, data: show("held", locale=language(who.locale), **_about(who), token=token, held=data)
    )


@pages.get("/p/<token>/data.json")
@public
def take_data(token: str) -> ResponseReturnValue:
    """What is held, to be taken along."""
    return _with_data(token, lambda _, data: _as_file(data))


def _with_data(token: str, answer: Callable[[Recipient, dict[str, Any]], ResponseReturnValue]) -> ResponseReturnValue:
    """Answer with what is held, where the link is young enough to show it."""
    with transaction() as session:
        who = recipient(session, purpose=Purpose.PREFERENCES, token=token)
        if who is None:
            return link_unknown()
        if not standing(session, who).shows_data:
            return _back(token, link="old")
        data = held(session, who)
    return answer(who, data)


def _as_file(data: dict[str, Any]) -> Response:
    response = Response(dump(data), mimetype="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@pages.get("/w/<token>")
@public
def why(token: str) -> ResponseReturnValue:
    """The reason for one mail."""
    with transaction() as session:
        who = recipient(session, purpose=Purpose.WHY, token=token)
        if who is None:
            return link_unknown()
        found = reason(session, who)
    return show("why", locale=language(who.locale), **_about(who), reason=found)


def _preferences(token: str, *, mistake: bool = False) -> ResponseReturnValue:
    with transaction() as session:
        who = recipient(session, purpose=Purpose.PREFERENCES, token=token)
        if who is None:
            return link_unknown()
        now = standing(session, who)
    locale = language(who.locale)
    return show(
        "preferences",
        locale=locale,
        status=WRONG_INPUT if mistake else 200,
        **_about(who),
        token=token,
        now=now,
        pauses=[pause.value for pause in Pause if pause is not Pause.KEEP],
        notice=_notice(locale, mistake=mistake),
    )


def _notice(locale: str, *, mistake: bool) -> str | None:
    """What just happened, as a sentence."""
    with force_locale(locale):
        if mistake:
            return str(_("This could not be stored. Please choose again."))
        sentences = {
            ("saved", "yes"): _("Your choices are stored."),
            ("stopped", "list"): _("Done. You get no more of these mails."),
            ("stopped", "everything"): _("Done. You get no more advertising from us, on any channel."),
            ("link", "sent"): _("A new link is on its way to your mailbox."),
            ("link", "old"): _("This link is older than 30 days. Ask for a new one to see your data."),
        }
        late = " " + _("One e-mail was already on its way and may still arrive.") if request.args.get("late") else ""
    found = next((text for (name, value), text in sentences.items() if request.args.get(name) == value), None)
    return found and found + late


def _back(token: str, **notice: Any) -> ResponseReturnValue:
    where = url_for("preferences.see_preferences", token=token, **notice)
    return Response(status=SEE_OTHER, headers={"Location": where})


def _status(done: Stopped | None) -> int:
    return ON_ITS_WAY if done is not None and done.on_its_way else 200


def _scope() -> Scope | None:
    wanted = request.form.get("stop", "")
    return Scope(wanted) if wanted in set(Scope) else None


def _fields() -> dict[str, object]:
    """The form as it was sent; a box that can be ticked more than once is a list."""
    sent: dict[str, object] = dict(request.form.items())
    return sent | {"topics": request.form.getlist("topics")}


def _about(who: Recipient) -> dict[str, Any]:
    """What every page about a recipient shows; never the address in full."""
    return {
        "masked": masked(who.address) if who.address else None,
        "controller": who.controller,
        "purpose": who.purpose,
        "preferences_token": who.token_for(Purpose.PREFERENCES),
        "unsubscribe_token": who.token_for(Purpose.UNSUBSCRIBE),
        "why_token": who.token_for(Purpose.WHY),
    }
