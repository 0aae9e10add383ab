"""The page behind the link "stay subscribed?": one button, no log-in, and nothing happens by looking."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from contacts import keep_page
from contacts.consent_models import PageKind
from core import clock
from core.db import transaction
from core.settings import settings
from core.web import public, without_csrf
from preferences import nonce
from preferences.masking import masked
from preferences.renewal import Answerable, Offer, offer, renew
from preferences.showing import language, link_unknown, pages, render, show, visit
from tracking import Purpose

# Stands for the tokens of links where a page is kept as everybody sees it.
NOBODYS = "-"


@pages.get("/r/<token>")
@public
def see_renewal(token: str) -> ResponseReturnValue:
    """What is to be confirmed anew, and the button. Opening this page confirms nothing."""
    with transaction() as session:
        found = offer(session, token=token, locale=language())
    return _page(found, token=token)


@pages.post("/r/<token>")
@public
@without_csrf
def press_renewal(token: str) -> ResponseReturnValue:
    """The button: the consent is confirmed anew."""
    shown = nonce.shown_at(f"r/{token}", request.form.get("shown", ""))
    with transaction() as session:
        before = offer(session, token=token, locale=language())
        if before is None:
            return link_unknown()
        locale = language(before.who.locale)
        found: Offer | None = before
        if before.state is Answerable.OPEN:
            content = _as_everybody_sees_it(before, locale=locale)
            page = keep_page(session, kind=PageKind.CONFIRMATION, name="renewal", locale=locale, content=content)
            seen = visit(page=page, page_url=f"{settings().public_url}/r/", shown_at=shown)
            found = renew(session, token=token, visit=seen, locale=locale)
    return _page(found, token=token)


def _page(found: Offer | None, *, token: str) -> ResponseReturnValue:
    if found is None:
        return link_unknown()
    shown = nonce.make(f"r/{token}", now=clock.now())
    return show("renew", locale=language(found.who.locale), **_about(found), token=token, shown=shown)


def _about(found: Offer) -> dict[str, Any]:
    return {
        "found": found,
        "state": found.state.value,
        "controller": found.who.controller,
        "masked": masked(found.who.address) if found.who.address else None,
        "unsubscribe_token": found.who.token_for(Purpose.UNSUBSCRIBE),
    }


def _as_everybody_sees_it(found: Offer, *, locale: str) -> str:
    """The page for the evidence: without what belongs to one person."""
    anybody = replace(found, confirmed_at=datetime.fromtimestamp(0, UTC))
    values = _about(anybody) | {"masked": "…", "unsubscribe_token": NOBODYS}
    return render("renew", locale=locale, **values, token=NOBODYS, shown="")
