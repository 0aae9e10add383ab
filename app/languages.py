"""In which language and time zone a page is written."""

from typing import Any

from flask import Flask, g, request
from flask_babel import Babel, format_decimal, get_locale, gettext
from markupsafe import Markup

from core.sentences import Count, Sentence, Share, recalled
from core.telling import decimal

LANGUAGES = {"en": "English", "de": "Deutsch"}
COOKIE = "language"


def install(app: Flask) -> None:
    """Choose the language of each request: the person's, else the cookie's, else the browser's."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "translations")
    Babel(app, locale_selector=choose, default_locale="en", default_timezone="Europe/Vienna")
    app.jinja_env.finalize = told
    app.jinja_env.filters.update(told=told, recalled=recalled)
    app.jinja_env.globals.update(languages=LANGUAGES, language=choose, theme=theme, space=Markup("&nbsp;"))


def choose() -> str:
    """The language of this request."""
    actor = g.get("actor")
    if actor is not None and actor.locale in LANGUAGES:
        return str(actor.locale)
    wanted = request.args.get("lang") or request.cookies.get(COOKIE)
    if wanted in LANGUAGES:
        return wanted
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"


def told(value: Any) -> Any:
    """A sentence from below in the reader's language, its values too; anything else as it is.

    Whatever a page prints passes through here; sentences inside of others need the filter of this name.
    """
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, Count):
        return str(format_decimal(int(value)))
    if isinstance(value, Share):
        return f"{decimal(value, locale=str(get_locale() or 'en'))} %"
    if not isinstance(value, Sentence):
        return value
    words = str(gettext(value.words))
    return words % {name: told(one) for name, one in value.values.items()} if value.values else words


def theme() -> str:
    """`light`, `dark`, or `auto`: as the system has it."""
    wanted = request.cookies.get("theme", "auto")
    return wanted if wanted in {"light", "dark"} else "auto"
