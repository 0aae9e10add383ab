"""E-mail templates: the list, one template with its versions, the editor with its preview."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.codes import require_code
from core.db import transaction
from core.errors import CrusoeError
from core.exporting import table_as_csv
from core.listing import listed
from core.permissions import Permission
from core.web import acting, blueprint, framed_mail, needs, page
from templates import listing
from templates.compile import Draft
from templates.models import Markup
from templates.service import check, latest, preview, save
from templates.vocabulary import vocabulary

routes = blueprint("templates", url_prefix="/templates")

NEW = {"code": "", "name": "", "locale": "de", "subject": "", "preheader": "", "markup": "mjml", "text": ""}
FIRST_BODY = """<mjml>
  <mj-body>
    <mj-section><mj-column>
      <mj-text>Hello {{ contact.first_name }}</mj-text>
    </mj-column></mj-section>
  </mj-body>
</mjml>
"""


@routes.get("/")
@needs(Permission.SEE_TEMPLATES)
def index() -> ResponseReturnValue:
    """All templates."""
    found = listed(listing.table(), listing.source())
    return page("templates/list.html", listing=found)


@routes.post("/export")
@needs(Permission.SEE_TEMPLATES)
def export() -> ResponseReturnValue:
    """What the list shows as CSV."""
    return table_as_csv(listing.table(), listing.source(), name="templates")


@routes.get("/new")
@needs(Permission.EDIT_TEMPLATES)
def new() -> ResponseReturnValue:
    """The editor, empty."""
    return _editor(NEW | {"body": FIRST_BODY}, template=None)


@routes.post("/new")
@needs(Permission.EDIT_TEMPLATES)
def create() -> ResponseReturnValue:
    """Store a new template."""
    return _store(template=None)


@routes.get("/<code>")
@needs(Permission.SEE_TEMPLATES)
def show(code: str) -> ResponseReturnValue:
    """The newest version with its findings, and the versions before it."""
    with transaction() as session:
        template = listing.named(session, code)
        version = latest(session, template_id=template.id)
        findings = check(session, version=version)
        versions = listing.versions(session, template_id=template.id)
    return page("templates/show.html", template=template, version=version, findings=findings, versions=versions)


@routes.get("/<code>/edit")
@needs(Permission.EDIT_TEMPLATES)
def edit(code: str) -> ResponseReturnValue:
    """The editor with the newest version."""
    with transaction() as session:
        template = listing.named(session, code)
        version = latest(session, template_id=template.id)
    values = {name: getattr(version, name) for name in ("locale", "subject", "preheader", "body", "text")}
    values |= {"markup": version.markup.value, "code": template.code, "name": template.name}
    return _editor(values, template=template)


@routes.post("/<code>/edit")
@needs(Permission.EDIT_TEMPLATES)
def change(code: str) -> ResponseReturnValue:
    """Store a changed wording; after a frozen version this becomes the next one."""
    with transaction() as session:
        template = listing.named(session, code)
    return _store(template=template)


@routes.post("/preview")
@needs(Permission.SEE_TEMPLATES)
def preview_draft() -> ResponseReturnValue:
    """What is in the editor as a mail, for the frame beside it. Nothing is stored."""
    try:
        with transaction() as session:
            made = preview(session, version=_draft(), contact_id=_contact())
    except CrusoeError as error:
        return framed_mail(page("templates/broken.html", error=error))
    return framed_mail(made.html)


@routes.get("/<code>/versions/<int:number>/html")
@needs(Permission.SEE_TEMPLATES)
def preview_version(code: str, number: int) -> ResponseReturnValue:
    """One stored version as a mail, for a frame."""
    try:
        with transaction() as session:
            version = listing.version(session, code=code, number=number)
            made = preview(session, version=version, contact_id=_contact())
    except CrusoeError as error:
        return framed_mail(page("templates/broken.html", error=error))
    return framed_mail(made.html)


def _contact() -> int | None:
    text = request.values.get("contact", "").strip()
    return int(text) if text.isdigit() and len(text) <= len(str(2**62)) else None


def _draft() -> Draft:
    form = request.form
    return Draft(
        locale=form.get("locale", "de"),
        subject=form.get("subject", ""),
        preheader=form.get("preheader", ""),
        markup=Markup.HTML if form.get("markup") == "html" else Markup.MJML,
        body=form.get("body", "").replace("\r\n", "\n"),
        text=form.get("text", "").replace("\r\n", "\n") or None,
    )


def _editor(values: Any, *, template: Any, error: CrusoeError | None = None) -> str:
    with transaction() as session:
        names = vocabulary(session).everything
    return page("templates/edit.html", form={**NEW, "body": "", **values}, template=template, names=names, error=error)


def _store(*, template: Any) -> ResponseReturnValue:
    form = request.form
    code = template.code if template is not None else form.get("code", "").strip()
    try:
        require_code(code)
        with transaction() as session:
            version = save(session, code=code, name=form.get("name", ""), draft=_draft(), author=acting().email)
    except CrusoeError as error:
        return _editor(form, template=template, error=error), error.status
    flash(_("Version %(number)s is stored.", number=version.number))
    return redirect(url_for("templates.show", code=code))
