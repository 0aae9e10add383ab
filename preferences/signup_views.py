"""The sign-up form and the page behind the link in the confirmation mail."""

from hashlib import sha256

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _

from core import clock
from core.db import transaction
from core.errors import WrongInput
from core.web import public, without_csrf
from preferences import nonce
from preferences.forms import OpenForm, open_form
from preferences.limits import FASTEST, SLOWEST
from preferences.showing import language, link_unknown, pages, render, show, visit
from preferences.signup import Landing, ask, confirm, landing


@pages.get("/s/<code>")
@public
def sign_up(code: str) -> ResponseReturnValue:
    """The form."""
    locale = language()
    with transaction() as session:
        form = open_form(session, code=code, locale=locale)
    return _form(form, locale=locale)


@pages.post("/s/<code>")
@public
@without_csrf
def ask_for_mail(code: str) -> ResponseReturnValue:
    """Take a sign-up. The answer is the same whatever is known about the address."""
    locale = language()
    with transaction() as session:
        form = open_form(session, code=code, locale=locale)
        mistake = _mistake(code, locale=locale)
        if mistake:
            return _form(form, locale=locale, mistake=mistake)
        # People do not see this field; programs fill in every one.
        if not request.form.get("website"):
            digest = sha256(_html(form, locale=locale).encode()).hexdigest()
            seen = visit(page_url=request.base_url, page_sha256=digest)
            try:
                ask(session, form=form, typed=request.form.get("email", ""), locale=locale, visit=seen)
            except WrongInput as error:
                return _form(form, locale=locale, mistake=_no_address(error, locale=locale))
    return show("asked", locale=locale, controller=form.controller)


def _mistake(code: str, *, locale: str) -> str | None:
    """What keeps this form from being taken, as a sentence for its sender."""
    shown = nonce.shown_at(f"s/{code}", request.form.get("shown", ""))
    open_for = clock.now() - shown if shown else None
    with force_locale(locale):
        if open_for is None or not FASTEST <= open_for <= SLOWEST:
            return str(_("Please press the button once more."))
        if request.form.get("consent") != "yes":
            return str(_("Please tick the box if you agree."))
    return None


def _no_address(_error: WrongInput, *, locale: str) -> str:
    with force_locale(locale):
        return str(_("This is no e-mail address. Please check it."))


def _form(form: OpenForm, *, locale: str, mistake: str | None = None) -> ResponseReturnValue:
    shown = nonce.make(f"s/{form.code}", now=clock.now())
    return show(
        "sign_up", locale=locale, form=form, shown=shown, mistake=mistake, typed=request.form.get("email", "")
    )  # fmt: skip


def _html(form: OpenForm, *, locale: str) -> str:
    """The form as everybody sees it, for the evidence."""
    return render("sign_up", locale=locale, form=form, shown="", mistake=None, typed="")


@pages.get("/k/<token>")
@public
def see_confirmation(token: str) -> ResponseReturnValue:
    """What is to be confirmed, and the button. Opening this page confirms nothing."""
    with transaction() as session:
        found = landing(session, token=token)
    return _landing(found, token=token)


@pages.post("/k/<token>")
@public
@without_csrf
def press_confirmation(token: str) -> ResponseReturnValue:
    """The button: the consent holds from now on."""
    shown = nonce.shown_at("k", request.form.get("shown", ""))
    with transaction() as session:
        before = landing(session, token=token)
        if before is None:
            return link_unknown()
        digest = sha256(_landing_html(before).encode()).hexdigest()
        found = confirm(session, token=token, visit=visit(page_sha256=digest, shown_at=shown))
    return _landing(found, token=token)


def _landing(found: Landing | None, *, token: str) -> ResponseReturnValue:
    if found is None:
        return link_unknown()
    shown = nonce.make("k", now=clock.now())
    return show("confirm", locale=language(found.locale), found=found, token=token, shown=shown)


def _landing_html(found: Landing) -> str:
    return render("confirm", locale=language(found.locale), found=found, token="", shown="")
