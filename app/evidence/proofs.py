"""The bytes behind the digests that evidence names: mails as sent, pages and words as shown, particulars of people."""

import json
from collections.abc import Collection, Iterable
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts import ENDINGS, take_out
from contacts.consent_models import ConsentPage, ConsentText, PageKind, Proof

# Which field of a step names what, and what kind of file that is.
BYTES = {"mail_sha256": "eml", "particulars": "json"}
PAGES = ("form_sha256", "page_sha256", "privacy_notice_sha256")


def of_steps(session: Session, steps: Iterable[dict[str, Any]]) -> dict[str, bytes]:
    """The files that the steps of consents name, each called by its digest; what was forgotten is left out."""
    steps = list(steps)
    kinds = {step[name]: kind for step in steps for name, kind in BYTES.items() if step.get(name)}
    kinds |= {step["scan_sha256"]: ENDINGS[step["scan_type"]] for step in steps if step.get("scan_sha256")}
    files = {f"{digest}.{kinds[digest]}": content for digest, content in take_out(session, kinds).items()}
    return files | _pages(session, steps) | _words(session, steps)


def of_messages(session: Session, numbers: Collection[int]) -> dict[str, bytes]:
    """The mails whose exact bytes were kept."""
    subjects = [f"message:{number}" for number in numbers]
    rows = session.scalars(select(Proof.sha256).where(Proof.subject.in_(subjects)))
    kept = take_out(session, [digest.hex() for digest in rows])
    return {f"{digest}.eml": content for digest, content in kept.items()}


def of_contents(contents: dict[str, dict[str, Any]]) -> dict[str, bytes]:
    """What runs say, in the spelling that their digest is over."""
    files = {}
    for digest, content in contents.items():
        written = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
        # A run that was made by hand has no digest over this spelling; its content stands in evidence.json.
        if sha256(written).hexdigest() == digest:
            files[f"{digest}.json"] = written
    return files


def _pages(session: Session, steps: list[dict[str, Any]]) -> dict[str, bytes]:
    wanted = {bytes.fromhex(step[name]) for step in steps for name in PAGES if step.get(name)}
    files = {}
    for page in session.scalars(select(ConsentPage).where(ConsentPage.sha256.in_(wanted))):
        kind = "txt" if page.kind is PageKind.PRIVACY_NOTICE else "html"
        files[f"{page.sha256.hex()}.{kind}"] = page.content.encode()
    return files


def _words(session: Session, steps: list[dict[str, Any]]) -> dict[str, bytes]:
    wanted = {bytes.fromhex(step["text_sha256"]) for step in steps if step.get("text_sha256")}
    rows = session.scalars(select(ConsentText).where(ConsentText.sha256.in_(wanted)))
    return {f"{sha256(row.text.encode()).hexdigest()}.txt": row.text.encode() for row in rows}
