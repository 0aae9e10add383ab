"""How long requests are kept that nobody confirmed."""

from core.retention import Kind, register
from core.sentences import say
from preferences.limits import FORGOTTEN_AFTER

SIGN_UPS = register(
    Kind(
        code="unconfirmed_sign_ups",
        title=say("Sign-ups that nobody confirmed"),
        why=say("Removed every hour by a job of their own; a number per form and day is left (Art. 17(1)(a) GDPR)."),
        days=FORGOTTEN_AFTER.days,
    )
)
