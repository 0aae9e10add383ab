"""The sign-up form and the page behind the link in the confirmation mail."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _

from contacts import keep_page
from contacts.consent_models import PageKind
from core import clock
from core.db import transaction
from core.errors import NotFound, WrongInput
from core.sentences import say
from core.settings import settings
from core.web import public, without_csrf
from preferences import nonce
from preferences.forms import OpenForm, open_form
from preferences.limits import FASTEST, SLOWEST
from preferences.showing import language, link_unknown, pages, render, show, visit
from preferences.signup import Landing, ask, confirm, landing

# Stands for the token of a link where a page is kept as everybody sees it.
NOBODYS = "-"


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
        mistake = _mistake(form, locale=locale)
        if mistake:
            return _form(form, locale=locale, mistake=mistake)
        # People do not see this field; programs fill in every one.
        if not request.form.get("website"):
            content = _html(form, locale=locale)
            page = keep_page(session, kind=PageKind.FORM, name=form.code, locale=locale, content=content)
            seen = visit(page_url=f"{settings().public_url}{request.path}", page=page)
            try:
                ask(session, form=form, typed=request.form.get("email", ""), locale=locale, visit=seen)
            except WrongInput:
                return _form(form, locale=locale, mistake=_no_address(locale=locale))
    return show("asked", locale=locale, controller=form.controller)


def _mistake(form: OpenForm, *, locale: str) -> str | None:
    """What keeps this form from being taken, as a sentence for its sender."""
    shown = nonce.shown_at(_name(form, locale=locale), request.form.get("shown", ""))
    open_for = clock.now() - shown if shown else None
    with force_locale(locale):
        if open_for is None or not FASTEST <= open_for <= SLOWEST:
            return str(_("Please tick the box and press the button once more."))
        if request.form.get("consent") != "yes":
            return str(_("Please tick the box if you agree."))
    return None


def _no_address(*, locale: str) -> str:
    with force_locale(locale):
        return str(_("This is no e-mail address. Please check it, and tick the box again."))


def _form(form: OpenForm, *, locale: str, mistake: str | None = None) -> ResponseReturnValue:
    shown = nonce.make(_name(form, locale=locale), now=clock.now())
    return show(
        "sign_up", locale=locale, form=form, shown=shown, mistake=mistake, typed=request.form.get("email", "")
    )  # fmt: skip


def _html(form: OpenForm, *, locale: str) -> str:
    """The form as everybody sees it at first, for the evidence."""
    return render("sign_up", locale=locale, form=form, shown="", mistake=None, typed="")


def _name(form: OpenForm, *, locale: str) -> str:
    """This form with exactly these words: who was shown others has to look at it again before it is taken."""
    return f"s/{form.code}/{sha256(_html(form, locale=locale).encode()).hexdigest()}"


@pages.get("/s/<code>/privacy")
@public
def read_privacy_notice(code: str) -> ResponseReturnValue:
    """The privacy notice that belongs to a form, in the version that its evidence names."""
    locale = language()
    with transaction() as session:
        form = open_form(session, code=code, locale=locale)
    if form.privacy is None:
        raise NotFound("privacy_notice_unknown", say("This form has no privacy notice of its own."))
    return show("privacy", locale=locale, form=form)


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
    shown = nonce.shown_at(f"k/{token}", request.form.get("shown", ""))
    with transaction() as session:
        before = landing(session, token=token)
        if before is None:
            return link_unknown()
        locale = language(before.locale)
        content = _landing_html(before, locale=locale)
        page = keep_page(session, kind=PageKind.CONFIRMATION, name="confirmation", locale=locale, content=content)
        found = confirm(session, token=token, visit=visit(page=page, shown_at=shown))
    return _landing(found, token=token)


def _landing(found: Landing | None, *, token: str) -> ResponseReturnValue:
    if found is None:
        return link_unknown()
    shown = nonce.make(f"k/{token}", now=clock.now())
    return show("confirm", locale=language(found.locale), found=found, token=token, shown=shown)


def _landing_html(found: Landing, *, locale: str) -> str:
    """The page as everybody sees it, for the evidence: without what belongs to one person."""
    anybody = replace(found, masked="…", requested_at=datetime.fromtimestamp(0, UTC), confirmed=False, expired=False)
    return render("confirm", locale=locale, found=anybody, token=NOBODYS, shown="")
