"""One person with everything that happened: the page that answers why a message came, or did not."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app import person as people
from app.views import routes
from contacts import erase
from core.db import transaction
from core.permissions import Permission
from core.web import acting, needs, page


@routes.get("/contacts/<int:contact_id>")
@needs(Permission.SEE_CONTACTS)
def person(contact_id: int) -> ResponseReturnValue:
    """Master data, addresses, consents with evidence, the verdict now, every decision, events, score."""
    with transaction() as session:
        found = people.read(session, contact_id)
    return page("app/person.html", found=found)


@routes.post("/contacts/<int:contact_id>/erase")
@needs(Permission.EDIT_SUPPRESSION)
def erase_person(contact_id: int) -> ResponseReturnValue:
    """Delete the person; objections and evidence stay, without a name."""
    with transaction() as session:
        erase(session, contact_id, actor=acting().email, reason=request.form.get("reason", "").strip() or None)
    flash(_("The person is erased. Objections and proofs stay, without a name."))
    return redirect(url_for("contacts.index"))
