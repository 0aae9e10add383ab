"""How often somebody may try: log-in and public forms. Counted in Valkey, or in this process when it is away."""

from typing import Any

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from core.settings import settings

SIGN_IN = "10 per minute"
SIGN_IN_ACCOUNT = "20 per hour"
SIGN_UP = "60 per minute"

# Forms that anybody can reach without a token from a mail. One-click opt-outs are not among them: they arrive in
# bursts from the few addresses of large mailbox providers, and refusing one would be refusing an objection.
PUBLIC_FORMS = ("preferences.ask_for_mail",)

limiter = Limiter(get_remote_address, default_limits=[], headers_enabled=False)


def install(app: Flask) -> None:
    """Attach the counters to the application."""
    app.config.update(
        RATELIMIT_STORAGE_URI=_storage(),
        RATELIMIT_STORAGE_OPTIONS={"socket_connect_timeout": 1, "socket_timeout": 1},
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_KEY_PREFIX="crusoe-limit",
    )
    limiter.init_app(app)


def limit_public_forms(app: Flask) -> None:
    """Count how often one place sends a public form; called when all pages are registered."""
    for endpoint in PUBLIC_FORMS:
        view: Any = limiter.limit(SIGN_UP)(app.view_functions[endpoint])
        app.view_functions[endpoint] = view


def _storage() -> str:
    url = settings().redis_url
    return "redis+" + url if url.startswith("unix://") else url


def account() -> str:
    """Key of a counter for the account that is being tried, whoever tries."""
    return "account:" + request.form.get("email", "").strip().lower()[:200]
