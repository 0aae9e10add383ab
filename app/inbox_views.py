"""The mails that the inbox of this home took, for demonstrations and tests of real campaigns."""

from flask import request
from flask.typing import ResponseReturnValue

from app import inbox_store
from app.mail_links import links
from app.views import routes
from core.permissions import Permission
from core.web import framed_mail, needs, page


@routes.get("/inbox")
@needs(Permission.SEE_INBOX)
def inbox() -> ResponseReturnValue:
    """The newest mails, or those to one address."""
    recipient = request.args.get("q", "").strip()
    shown = inbox_store.newest(before=request.args.get("before"), recipient=recipient or None)
    return page("app/inbox.html", shown=shown, recipient=recipient)


@routes.get("/inbox/<mail_id>")
@needs(Permission.SEE_INBOX)
def inbox_mail(mail_id: str) -> ResponseReturnValue:
    """One mail: how it looks, its text, its links, its headers."""
    mail = inbox_store.read(mail_id)
    return page("app/inbox_mail.html", mail=mail, links=links(mail.html or ""))


@routes.get("/inbox/<mail_id>/html")
@needs(Permission.SEE_INBOX)
def inbox_html(mail_id: str) -> ResponseReturnValue:
    """The HTML part alone, for the frame: no scripts, no pictures from outside, so looking counts nowhere."""
    return framed_mail(inbox_store.read(mail_id).html or "")
