"""Pages that leave the house as files: whole in themselves, to be read on any machine and to be printed."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from flask import Flask, has_request_context
from flask_babel import force_locale, gettext

from core.web import page

LANGUAGES = ("en", "de")


def printed(name: str, *, locale: str, **values: Any) -> bytes:
    """The page `app/pages/printed/<name>.html` in one language."""
    with _pages(), force_locale(locale):
        return page(f"app/printed/{name}.html", locale=locale, gettext=gettext, **values).encode()


def named(name: str, locale: str) -> str:
    """The name of a file in one language: `index.html` in English, `index.de.html` in German."""
    stem, _, kind = name.rpartition(".")
    return name if locale == "en" else f"{stem}.{locale}.{kind}"


@contextmanager
def _pages() -> Iterator[None]:
    """Commands have no request; pages need one for the words and the looks of numbers."""
    if has_request_context():
        yield
        return
    with _application().test_request_context("/"):
        yield


@cache
def _application() -> Flask:
    """The web application, built for commands and workers only when they print a page, and once."""
    from app.web import create_app

    return create_app()
