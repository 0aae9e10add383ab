"""The record of processing activities (Art. 30 GDPR), made from what is configured."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.evidence.printed import printed
from app.rights import legal_bases
from app.rights.export import carriers, host_of
from app.rights.kinds import KINDS
from campaigns.models import Campaign
from contacts.models import Contact, Controller, FieldDefinition
from core import clock
from core.retention import terms
from core.sentences import say
from core.settings import settings
from lead_handover.models import SalesPerson, ScoreModel, WebhookTarget
from preferences.models import SignupForm
from suppression.models import ListVersion, VersionState

MEASURES = (
    say("Addresses in clear stand in one table; everywhere else a hash with a key that is not in the database."),
    say("Proofs of consents and mails are encrypted (AES-256-GCM) with a key from the key file."),
    say("Roles with the fewest rights; what is sent needs a second person; changes and exports are in the audit log."),
    say("Evidence is sealed in hash chains with a signed anchor each day; a command finds every change."),
    say(
        "Nothing is sent without a decision stored in the same database; objections count from the moment they are stored."  # noqa: E501 - one sentence
    ),
    say("Passwords are hashed with Argon2id; sessions end after thirty minutes of rest and can be revoked."),
)


def record(session: Session) -> dict[str, Any]:
    """Purposes with their bases, categories, recipients, terms and measures, as they are configured now."""
    return {
        "made_at": clock.now(),
        "controllers": [
            {"name": row.name, "imprint": row.imprint, "country": row.country}
            for row in session.scalars(select(Controller).order_by(Controller.id))
        ],
        "purposes": _purposes(session),
        "people": say("Customers, subscribers and business contacts"),
        "number_of_people": session.scalar(select(func.count()).select_from(Contact)) or 0,
        "categories": _categories(session),
        "recipients": _recipients(session),
        "retention": [
            {"kind": KINDS[code].title, "days": days, "why": KINDS[code].why} for code, days in terms(session).items()
        ],
        "measures": list(MEASURES),
    }


def _purposes(session: Session) -> list[dict[str, Any]]:
    """The register of legal bases: each purpose, on which bases, under which words, by which forms and campaigns."""
    found: dict[str, dict[str, Any]] = {}
    lists, kept = legal_bases.lists_asked(session), legal_bases.kept_for(session)

    def of(purpose: str) -> dict[str, Any]:
        empty: dict[str, Any] = {"purpose": purpose, "bases": [], "used": [], "texts": [], "forms": [], "campaigns": 0}
        return found.setdefault(purpose, empty | {"lists": lists.get(purpose, []), "retention": kept})

    for purpose, bases in legal_bases.given(session).items():
        of(purpose)["bases"] = bases
        of(purpose)["texts"] = sorted({one["words"] for one in bases if one["words"]})
    for purpose, bases in legal_bases.used(session).items():
        of(purpose)["used"] = bases
    for form in session.scalars(select(SignupForm).where(SignupForm.closed_at.is_(None)).order_by(SignupForm.code)):
        of(form.purpose)["forms"].append(form.code)
    for purpose, count in session.execute(select(Campaign.purpose, func.count()).group_by(Campaign.purpose)):
        of(purpose)["campaigns"] = count
    of("transactional")["bases"] = [_without_people("own_request")]
    if session.scalar(select(ScoreModel.id).limit(1)) is not None:
        of("lead scoring")["bases"] = [_without_people("legitimate_interest")]
    return list(found.values())


def _without_people(basis: str) -> dict[str, Any]:
    return {
        "basis": legal_bases.basis_named(basis),
        "words": None,
        "people": None,
        "channel": None,
        "controller": None,
    }


def _categories(session: Session) -> list[Any]:
    own = [
        f"{row.label} ({row.name})" for row in session.scalars(select(FieldDefinition).order_by(FieldDefinition.name))
    ]
    return [
        say("Name, language, country, addresses, source"),
        say("Orders: number, day, amount, category"),
        say("Consents and objections with their evidence"),
        say("Messages with decisions and answers of servers"),
        say("Opens and clicks, of those who allow it"),
        say("Domains of addresses, with who runs their mailboxes"),
        *own,
    ]


def _recipients(session: Session) -> list[dict[str, Any]]:
    targets = session.scalars(select(WebhookTarget).where(WebhookTarget.active).order_by(WebhookTarget.id))
    sales = session.scalar(select(func.count()).where(SalesPerson.active)) or 0
    lists = session.scalars(
        select(ListVersion.list_id).where(ListVersion.state == VersionState.ACTIVE).order_by(ListVersion.list_id)
    )
    return [
        *({"to": carrier, "what": say("mail server"), "for": address} for carrier, address in carriers(session)),
        *({"to": host_of(one.url), "what": say("system that is told of leads"), "for": one.name} for one in targets),
        *([{"to": say("own sales"), "what": say("leads"), "for": str(sales)}] if sales else []),
        *({"to": name, "what": say("do-not-contact list, asked by digests"), "for": ""} for name in lists),
        *([_name_server()] if settings().operator_lookups else []),
    ]


def _name_server() -> dict[str, Any]:
    asked = settings().resolver or say("name server of this system")
    return {"to": asked, "what": say("is asked who runs the mailboxes"), "for": say("domains, never addresses")}


def as_page(found: dict[str, Any], *, locale: str) -> bytes:
    """The record as a page to print."""
    return printed("processing_record", locale=locale, found=found)
