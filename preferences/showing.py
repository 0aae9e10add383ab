"""What all pages for recipients share: their blueprint, language, headers, and where a request came from.

These pages work without a log-in, a cookie or JavaScript, and nobody but the reader may keep or find them.
"""

from typing import Any
from urllib.parse import urlsplit

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, format_date, format_datetime

from core.web import blueprint, page
from preferences.visits import Visit

LANGUAGES = ("en", "de")
LARGEST_FORM = 64 * 1024
LONGEST_HEADER = 500
NOT_FOUND = 404

pages = blueprint("preferences")


@pages.before_request
def limit_size() -> None:
    """Forms on these pages are tiny; anything larger is refused before it is read."""
    request.max_content_length = LARGEST_FORM


@pages.after_request
def keep_private(response: Response) -> Response:
    """The address of such a page is a key: it goes into no referrer, cache or search engine."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if response.mimetype != "text/css":
        response.headers["Cache-Control"] = "no-store"
    return response


def language(own: str | None = None) -> str:
    """The language of the reader: asked for, else the person's own, else the browser's."""
    for wanted in (request.args.get("lang"), (own or "")[:2].lower()):
        if wanted in LANGUAGES:
            return str(wanted)
    return request.accept_languages.best_match(LANGUAGES) or "en"


def show(name: str, *, locale: str, status: int = 200, **values: Any) -> ResponseReturnValue:
    """One page for recipients in their language."""
    return render(name, locale=locale, **values), status


def render(name: str, *, locale: str, **values: Any) -> str:
    """The HTML of one page for recipients."""
    with force_locale(locale):
        return page(
            f"preferences/{name}.html",
            locale=locale,
            format_date=format_date,
            format_datetime=format_datetime,
            **values,
        )


def link_unknown() -> ResponseReturnValue:
    """For a link that is not ours, or one that somebody changed."""
    return show("link_unknown", locale=language(), status=NOT_FOUND)


def visit(**values: Any) -> Visit:
    """Where this request came from. Referrers lose their query: it may hold secrets of other sites."""
    referrer = urlsplit(request.referrer or "")
    return Visit(
        ip=request.remote_addr,
        user_agent=(request.user_agent.string or "")[:LONGEST_HEADER] or None,
        referrer=f"{referrer.scheme}://{referrer.netloc}{referrer.path}"[:LONGEST_HEADER] if referrer.netloc else None,
        **values,
    )
