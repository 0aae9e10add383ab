"""The recipient's side: signing up, confirming, choosing, stopping, and asking why.

In come forms and links with signed tokens, from people without a log-in. Out go consents with their evidence,
suppression entries, choices, and pages. The rules served: nobody is written to whose mailbox did not confirm; an
opt-out is answered only when nothing is on its way any more; GET changes nothing; no page tells a stranger whether an
address is known.
"""

from preferences.forgetting import forget_requests
from preferences.forms import FormPlan, save_form
from preferences.held import also_held, everything
from preferences.unsubscribe import stop_by_mail, stop_by_provider

__all__ = ["FormPlan", "also_held", "everything", "forget_requests", "save_form", "stop_by_mail", "stop_by_provider"]
