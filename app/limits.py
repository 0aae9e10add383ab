"""How often somebody may try: log-in and public forms. Counted in Valkey, or in this process when it is away."""

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from core.settings import settings

SIGN_IN = "10 per minute"
SIGN_IN_ACCOUNT = "20 per hour"

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


def _storage() -> str:
    url = settings().redis_url
    return "redis+" + url if url.startswith("unix://") else url


def account() -> str:
    """Key of a counter for the account that is being tried, whoever tries."""
    return "account:" + request.form.get("email", "").strip().lower()[:200]
