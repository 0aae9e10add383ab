"""Build the web application from the pages of all stages."""

import importlib
import pkgutil
from pathlib import Path

import jinja2
from flask import Blueprint, Flask
from flask_wtf.csrf import CSRFProtect

from app import errors, formats, languages, limits, navigation, security_headers, sessions, uploads, wording
from app.restore import notice
from core.keys import keys
from core.settings import settings

STAGES = (
    "app",
    "campaigns",
    "contacts",
    "delivery",
    "lead_handover",
    "preferences",
    "segments",
    "suppression",
    "templates",
    "tracking",
)
ROOT = Path(__file__).parent.parent

# A log-in form or a template is far below this; routes that take files say so with `takes_files`.
LARGEST_FORM = 4 * 1024 * 1024

csrf = CSRFProtect()


def create_app() -> Flask:
    """The web application, ready for a WSGI server. Nothing in here touches the database."""
    app = Flask("app", static_folder=str(ROOT / "core" / "static"), static_url_path="/static", template_folder=None)
    secure = settings().public_url.startswith("https:")
    app.config.update(
        SECRET_KEY=keys().session,
        SESSION_COOKIE_NAME=sessions.cookie_name("form"),
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        # Behind a proxy the referrer check compares with a host name that it does not see; Sec-Fetch-Site is checked.
        WTF_CSRF_SSL_STRICT=False,
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
    )
    _configure_pages(app)
    for prepare in (
        security_headers,
        errors,
        sessions,
        uploads,
        languages,
        limits,
        navigation,
        wording,
        formats,
        notice,
    ):
        prepare.install(app)
    csrf.init_app(app)
    register_pages(app)
    limits.limit_public_forms(app)
    return app


def _configure_pages(app: Flask) -> None:
    """`campaigns/list.html` is `campaigns/pages/list.html`; an unknown name in a page is an error, not nothing."""
    folders = {name: jinja2.FileSystemLoader(ROOT / name / "pages") for name in (*STAGES, "core")}
    app.jinja_loader = jinja2.PrefixLoader(folders)
    app.jinja_env.undefined = jinja2.StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def register_pages(app: Flask) -> None:
    """Register the blueprint of every stage, once all its modules whose name ends with `views` have added routes."""
    found: dict[str, Blueprint] = {}
    for stage in STAGES:
        for module in sorted(pkgutil.iter_modules(importlib.import_module(stage).__path__), key=lambda one: one.name):
            if module.name.endswith("views"):
                values = vars(importlib.import_module(f"{stage}.{module.name}")).values()
                found |= {value.name: value for value in values if isinstance(value, Blueprint)}
    for stage_pages in found.values():
        app.register_blueprint(stage_pages)
    for view in app.view_functions.values():
        if getattr(view, "without_csrf", False):
            csrf.exempt(f"{view.__module__}.{view.__name__}")
