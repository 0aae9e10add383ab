"""What somebody looks at who approves: all that is bound, in words, and the numbers of the check; then and now.

The wording stands in its frozen version, the rules and lists in theirs. What would be overwritten, such as the segment,
is kept in a document of its own, under its digest.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.binding import DOCUMENT, bound
from campaigns.comparison import Shown
from campaigns.models import Approval, ApprovalDocument, Campaign
from contacts.models import Controller
from delivery.models import Sender
from segments import with_referred, write_yaml
from segments.models import Segment
from templates.models import Template, TemplateVersion

# Of the result of a check: everybody once.
NUMBERS = ("audience", "send", "hold", "block", "reasons")


def document(session: Session, campaign: Campaign) -> dict[str, Any]:
    """The segment with all that it refers to, the imprint, and the numbers of the last check, as they are now."""
    segment = session.get_one(Segment, campaign.segment_id)
    sender = session.get_one(Sender, campaign.sender_id)
    checked = campaign.check_result or {}
    return {
        "segments": {code: write_yaml(found) for code, found in with_referred(session, segment.code).items()},
        "imprint": session.get_one(Controller, sender.controller_id).imprint,
        "numbers": {name: checked[name] for name in NUMBERS if name in checked},
    }


def keep(session: Session, campaign: Campaign) -> bytes:
    """Store the document as it is now and answer its digest. The same one is stored once."""
    found = document(session, campaign)
    digest = _digest(found)
    session.execute(insert(ApprovalDocument).values(sha256=digest, document=found).on_conflict_do_nothing())
    return digest


def _digest(found: dict[str, Any]) -> bytes:
    canonical = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).digest()


@dataclass(frozen=True)
class Seen:
    """What was looked at. `numbers` is empty when they were not kept."""

    bound: dict[str, Any]
    shown: Shown
    numbers: Mapping[str, Any]


def seen_now(session: Session, campaign: Campaign) -> Seen:
    """What is to be looked at now."""
    values, kept = bound(session, campaign), document(session, campaign)
    return Seen(values, _shown(session, values, kept), kept["numbers"])


def seen_then(session: Session, approval: Approval) -> Seen:
    """What was looked at when this approval was given. What was not kept at that time is absent."""
    values = dict(approval.bound)
    digest = bytes.fromhex(values.pop(DOCUMENT, ""))
    stored = session.get(ApprovalDocument, digest) if digest else None
    # A document that does not fit its digest proves nothing.
    kept = stored.document if stored is not None and _digest(stored.document) == digest else {}
    return Seen(values, _shown(session, values, kept), kept.get("numbers", {}))


def _shown(session: Session, values: Mapping[str, Any], kept: Mapping[str, Any]) -> Shown:
    content, sender = values["content"], values["sender"]
    version = _version(session, content)
    template = session.get(Template, content["template"])
    segments = kept.get("segments")
    return Shown(
        texts={
            "subject": version.subject if version else None,
            "preheader": version.preheader if version else None,
            "text": (version.text or "") if version else None,
            "body": version.body if version else None,
            "segment": None
            if segments is None
            else "".join(f"# {code}\n{segments[code]}" for code in sorted(segments)),
            "imprint": kept.get("imprint"),
        },
        values={
            "template": template.code if template else content["template"],
            "version": content["version"],
            "language": version.locale if version else None,
            "markup": version.markup.value if version else None,
            "segment_code": values["audience"]["segment"],
            "sender_code": sender["code"],
            "from": sender["from"],
            "reply_to": sender["reply_to"],
            "controller": sender["controller"],
            **{name: values[name] for name in ("purpose", "topic", "tracking", "scheduled_at", "rules")},
            **({"windows": _windows(values["windows"])} if values.get("windows") else {}),
            **{f"list {name}": version for name, version in values["lists"].items()},
        },
    )


def _windows(document: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{name}: {', '.join(map(str, one)) if isinstance(one, list) else one}" for name, one in document.items()
    )


def _version(session: Session, content: Mapping[str, Any]) -> TemplateVersion | None:
    """The wording that is bound. Nobody can change a frozen one; one that does not fit its digest is not the one."""
    version = session.scalar(
        select(TemplateVersion).where(
            TemplateVersion.template_id == content["template"], TemplateVersion.number == content["version"]
        )
    )
    return version if version is not None and version.sha256.hex() == content["sha256"] else None
