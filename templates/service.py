"""Keeping templates: versions that can be changed until they are used, and never after."""

import json
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Controller
from core import audit, clock
from core.errors import NotFound, WrongInput
from core.sentences import say
from templates.checks import Finding, failure, findings
from templates.compile import Draft, Made, Wording, make
from templates.compiled import Rendered, Urls
from templates.models import Template, TemplateVersion
from templates.render import render
from templates.values import merge_values, sample_values
from templates.vocabulary import vocabulary

# Stands in when a wording is looked at before anybody has said who will send it.
_NOBODY = Controller(code="sample", name="Sample Company", imprint="Sample Company\nSample Street 1, 1010 Vienna")


class _SampleSender:
    from_name = "Sample Company"
    from_address = "news@sample.example"


def save(session: Session, *, code: str, name: str, draft: Draft, author: str) -> TemplateVersion:
    """Store a wording as the newest version of a template, which is made when there is none.

    A version that nobody used yet is changed in place; after a frozen one comes the next number. Saving the same words
    again changes nothing. Raises WrongInput, with part and line, for a wording that cannot become a safe mail.
    """
    validate(session, draft)
    template = _template(session, code=code, name=name)
    newest = _newest(session, template_id=template.id)
    digest = fingerprint(draft)
    if newest is not None and newest.sha256 == digest:
        return newest
    if newest is None or newest.frozen_at is not None:
        newest = TemplateVersion(template_id=template.id, number=newest.number + 1 if newest else 1)
        session.add(newest)
    newest.locale, newest.subject, newest.preheader = draft.locale, draft.subject, draft.preheader
    newest.markup, newest.body, newest.text = draft.markup, draft.body, draft.text or None
    newest.sha256, newest.author = digest, author
    session.flush()
    audit.record(
        session,
        actor=author,
        action="template.save",
        object_type="template",
        object_id=template.id,
        version=newest.number,
        sha256=digest.hex(),
    )
    return newest


def validate(session: Session, draft: Wording) -> Made:
    """Compile a wording without storing anything. Raises WrongInput, with part and line, when it cannot be."""
    return make(draft, controller=_NOBODY, sender=_SampleSender(), vocabulary=vocabulary(session))


def fingerprint(wording: Wording) -> bytes:
    """SHA-256 over all that people wrote: what an approval of the content is bound to."""
    parts = [wording.locale, wording.subject, wording.preheader, wording.markup, wording.body, wording.text or None]
    return sha256(json.dumps(parts, ensure_ascii=False).encode()).digest()


def latest(session: Session, *, template_id: int) -> TemplateVersion:
    """The newest version of a template."""
    version = _newest(session, template_id=template_id)
    if version is None:
        raise NotFound(
            "template_unknown", say("There is no version of template %(template_id)s.", template_id=template_id)
        )
    return version


def freeze(session: Session, *, version: TemplateVersion) -> None:
    """Make a version unchangeable, because something rests on it; from then on the database insists."""
    if version.frozen_at is None:
        version.frozen_at = clock.now()
        session.flush()


def check(session: Session, *, version: Wording) -> list[Finding]:
    """What is wrong with a wording or worth a remark; a finding of severity `fail` must be mended before sending."""
    try:
        made = validate(session, version)
    except WrongInput as error:
        return [failure(error)]
    return findings(version, made)


def preview(
    session: Session, *, version: Wording, contact_id: int | None = None, controller: Controller | None = None
) -> Rendered:
    """The mail as one contact would get it, or an invented one. Its links are not counted."""
    compiled = make(
        version, controller=controller or _NOBODY, sender=_SampleSender(), vocabulary=vocabulary(session)
    ).compiled
    values = sample_values(compiled.fields)
    if contact_id is not None:
        found = merge_values(session, contact_ids=[contact_id], fields=compiled.fields)
        if contact_id not in found:
            raise NotFound("contact_unknown", say("There is no contact %(contact_id)s.", contact_id=contact_id))
        values = found[contact_id]
    urls = Urls(
        links=compiled.links, unsubscribe="#unsubscribe", preferences="#preferences", why="#why", renew="#renew"
    )
    return render(compiled, values={"contact": values, "basis": "consent"}, urls=urls)


def _template(session: Session, *, code: str, name: str) -> Template:
    """The template with this code, locked so that two people saving it get two versions."""
    template = session.scalar(select(Template).where(Template.code == code).with_for_update())
    if template is None:
        template = Template(code=code)
        session.add(template)
    template.name = name
    session.flush()
    return template


def _newest(session: Session, *, template_id: int) -> TemplateVersion | None:
    return session.scalar(
        select(TemplateVersion)
        .where(TemplateVersion.template_id == template_id)
        .order_by(TemplateVersion.number.desc())
        .limit(1)
    )
