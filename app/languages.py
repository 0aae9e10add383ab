"""In which language and time zone a page is written."""

from flask import Flask, g, request
from flask_babel import Babel
from markupsafe import Markup

LANGUAGES = {"en": "English", "de": "Deutsch"}
COOKIE = "language"


def install(app: Flask) -> None:
    """Choose the language of each request: the person's, else the cookie's, else the browser's."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "translations")
    Babel(app, locale_selector=choose, default_locale="en", default_timezone="Europe/Vienna")
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


def theme() -> str:
    """`light`, `dark`, or `auto`: as the system has it."""
    wanted = request.cookies.get("theme", "auto")
    return wanted if wanted in {"light", "dark"} else "auto"
