"""Where providers call to tell what became of mail: no log-in, no form token; the signature is the proof."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from app.views import routes
from core import clock
from core.db import transaction
from core.web import public, without_csrf
from delivery import Call, hook_of, news, opt_outs, take_in_call
from preferences import stop_by_provider

# Batches of a thousand events are below this.
LARGEST_CALL = 1 << 20


@routes.post("/hooks/<name>/<code>")
@public
@without_csrf
def hear_provider(name: str, code: str) -> ResponseReturnValue:
    """One call. 200 also for what was known before: the provider missed our answer, and shall not ask again."""
    request.max_content_length = LARGEST_CALL
    now = clock.now()
    call = Call({key.lower(): value for key, value in request.headers.items()}, request.get_data(), now)
    with transaction() as session:
        hook = hook_of(session, kind=name, code=code)
    heard = hook.hear(call)
    with transaction() as session:
        tokens = opt_outs(session, news(session, hook, heard, now=now))
    for token in tokens:
        stop_by_provider(token=token)
    with transaction() as session:
        taken = take_in_call(session, hook, heard, now=now)
    return jsonify(taken=taken.taken, known=taken.known, old=taken.old, foreign=taken.foreign)
