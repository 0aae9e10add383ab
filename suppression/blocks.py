"""Blocks of the house: competitors, desks, the deceased, minors, and whatever somebody decided for a reason.

A block names an address by its keyed hash, a domain by its own, or a company; so it outlives the contact. It counts
from the moment it is stored, for the channel, purpose and controller it names or for all, until a date or for good.
Adding one never lets anything pass that was refused; taking one back needs two people (see `suppression.lifting`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from contacts import domain_key, ensure_addresses
from contacts.models import Address, Channel
from core import audit, clock
from core.db import after_commit
from core.errors import CrusoeError, NotFound, WrongInput
from core.sentences import say
from core.users import Actor
from suppression import journal_gaps
from suppression.block_targets import Target
from suppression.entries import as_line, lock_addresses
from suppression.journal_lines import Said
from suppression.models import Cause
from suppression.wide_blocks import hold_gates

LONGEST_REASON = 500


class BlockKind(StrEnum):
    """What kind of block it is. The first three are decisions of the house; the others are facts about a person."""

    COMPETITOR = "competitor"
    ROLE_ACCOUNT = "role_account"
    OWN_DECISION = "own_decision"
    DECEASED = "deceased"
    MINOR = "minor"
    RESTRICTED = "restricted"

    @property
    def cause(self) -> Cause:
        """The cause under which the rules know it."""
        return Cause.INTERNAL_BLOCK if self in HOUSE else Cause(self.value)


HOUSE = frozenset({BlockKind.COMPETITOR, BlockKind.ROLE_ACCOUNT, BlockKind.OWN_DECISION})


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block to be stored. Absent channel, purpose and controller mean all of them; absent `until`, for good."""

    target: Target
    kind: BlockKind = BlockKind.OWN_DECISION
    channel: Channel | None = None
    purpose: str | None = None
    controller_id: int | None = None
    until: datetime | None = None
    reason: str


@dataclass(frozen=True)
class Stored:
    """The entry of one block; `created` is False when the very same block stood already."""

    entry_id: int
    created: bool


def check(block: Block, *, now: datetime) -> None:
    """Refuse a block that says nothing or is over before it begins."""
    if not block.reason.strip():
        raise WrongInput("reason_missing", say("A block needs a reason."), where="reason")
    if len(block.reason) > LONGEST_REASON:
        raise WrongInput(
            "reason_long", say("A reason has at most %(most)s characters.", most=LONGEST_REASON), where="reason"
        )
    if block.until is not None and block.until <= now:
        raise WrongInput("until_past", say("The end of a block must lie ahead."), where="until")
    if block.kind not in HOUSE and block.target.email is None and block.target.digest is None:
        raise WrongInput(
            "kind_for_people",
            say("%(kind)s is something about a person, so it needs an address.", kind=block.kind.value.capitalize()),
            where="kind",
        )


def add_blocks(
    session: Session, blocks: Sequence[Block], *, source: str, evidence: Mapping[str, Any]
) -> list[Stored | CrusoeError]:
    """Store many blocks; answers for each its entry, or why it was not stored. A fixed number of queries.

    The very same block is stored once as long as it stands. `evidence` is what all of them share.
    """
    if any(block.target.domain or block.target.company for block in blocks):
        hold_gates(session)
    now = clock.now()
    subjects = _subjects(session, blocks, now=now)
    rows = [
        {"place": place, **subject, **_scope(block), "source": source, "evidence": _evidence(block, evidence)}
        for place, (block, subject) in enumerate(zip(blocks, subjects, strict=True))
        if not isinstance(subject, CrusoeError)
    ]
    lock_addresses(session, [row["address_id"] for row in rows if row["address_id"] is not None])
    values = {"rows": json.dumps(rows), "now": now}
    added = session.execute(text(_ADD), values).all()
    lines: list[Said] = [as_line(row) for row in added]
    after_commit(session, lambda: journal_gaps.write(lines))
    fresh = {row.id for row in added}
    found = {row.place: Stored(row.id, row.id in fresh) for row in session.execute(text(_STANDING), values)}
    return [found[place] if place in found else _error(subject) for place, subject in enumerate(subjects)]


def add_block(session: Session, block: Block, *, actor: Actor) -> Stored:
    """Store one block that a person decided, and note who; what is wrong with it is raised."""
    (stored,) = add_blocks(session, [block], source=f"user:{actor.email}", evidence={"by": actor.email})
    if isinstance(stored, CrusoeError):
        raise stored
    if stored.created:
        audit.record(
            session,
            actor=actor.email,
            user_id=actor.id,
            action="suppression.block",
            object_type="suppression_entry",
            object_id=stored.entry_id,
            reason=block.reason.strip(),
            kind=block.kind.value,
        )
    return stored


def _error(subject: object) -> CrusoeError:
    if isinstance(subject, CrusoeError):
        return subject
    raise AssertionError("unreachable: a block with a subject has an entry")


def _scope(block: Block) -> dict[str, Any]:
    return {
        "cause": block.kind.cause.value,
        "kind": block.kind.value,
        "channel": block.channel.value if block.channel else None,
        "purpose": block.purpose or None,
        "controller_id": block.controller_id,
        "until": clock.require_aware(block.until).isoformat() if block.until else None,
    }


def _evidence(block: Block, shared: Mapping[str, Any]) -> dict[str, Any]:
    found = {**shared, "kind": block.kind.value, "reason": block.reason.strip()}
    # Domains and companies are kept in clear; an address stands in an endpoint and nowhere else.
    return found if block.target.email or block.target.digest else found | {"what": block.target.text}


_NOBODY: dict[str, Any] = {"address_id": None, "domain_key": None, "below": None, "company_id": None}


def _subjects(session: Session, blocks: Sequence[Block], *, now: datetime) -> list[dict[str, Any] | CrusoeError]:
    """What each block is about, as columns of an entry, or what is wrong with it."""
    targets = [block.target for block in blocks]
    ids = ensure_addresses(session, [one.email for one in targets if one.email])
    digests = _digests(session, [one.digest for one in targets if one.digest])
    companies = _companies(session, [one.company for one in targets if one.company])
    found: list[dict[str, Any] | CrusoeError] = []
    for block in blocks:
        try:
            check(block, now=now)
            found.append(_NOBODY | _subject(block.target, ids, digests, companies))
        except CrusoeError as error:
            found.append(error)
    return found


def _subject(
    about: Target, ids: Mapping[str, int], digests: Mapping[bytes, int], companies: Mapping[str, list[int]]
) -> dict[str, Any]:
    if about.email is not None:
        return {"address_id": ids[about.email.key]}
    if about.digest is not None:
        if about.digest not in digests:
            raise NotFound("hash_unknown", say("No address of this installation has this hash."), where="what")
        return {"address_id": digests[about.digest]}
    if about.domain is not None:
        below = list(about.below) if about.below else None
        return {"domain_key": domain_key(about.domain).hex(), "below": below}
    return {"company_id": _one(str(about.company), companies.get(str(about.company).lower(), []))}


def _one(name: str, ids: list[int]) -> int:
    if not ids:
        raise NotFound(
            "company_unknown",
            say("There is no company %(name)s.", name=repr(name)),
            say("Write its name as contacts have it, or its domain; or block the domain."),
            where="what",
        )
    return min(ids)


def _digests(session: Session, digests: list[bytes]) -> dict[bytes, int]:
    rows = session.execute(select(Address.key, Address.id).where(Address.key.in_(digests))) if digests else ()
    return {bytes(row.key): row.id for row in rows}


def _companies(session: Session, names: list[str]) -> dict[str, list[int]]:
    """Name or domain in small letters → companies. Contacts of equal names share the oldest row."""
    if not names:
        return {}
    rows = session.execute(text(_COMPANIES), {"names": [name.lower() for name in names]})
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row.name, []).append(row.id)
    return found


_COMPANIES = """
    SELECT lower(name) AS name, id FROM company WHERE lower(name) = ANY (:names)
    UNION ALL SELECT lower(domain), id FROM company WHERE lower(domain) = ANY (:names)
"""

_ROWS = """
    wanted AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n (
            place int, address_id bigint, domain_key text, below text[], company_id bigint, cause text, kind text,
            channel text, purpose text, controller_id bigint, until timestamptz, source text, evidence jsonb)
    )
"""

# The very same block: about the same, of the same kind, for the same scope, not lifted and not over.
_SAME = """
    (e.address_id = w.address_id OR e.company_id = w.company_id OR e.domain_key = decode(w.domain_key, 'hex'))
    AND (e.below IS NULL) = (w.below IS NULL)
    AND e.cause = w.cause AND coalesce(e.evidence ->> 'kind', e.cause) = w.kind
    AND e.channel IS NOT DISTINCT FROM w.channel AND e.purpose IS NOT DISTINCT FROM w.purpose
    AND e.controller_id IS NOT DISTINCT FROM w.controller_id AND e.until IS NOT DISTINCT FROM w.until
    AND NOT EXISTS (SELECT 1 FROM suppression_lift AS l WHERE l.entry_id = e.id)
"""

_ADD = f"""
    WITH {_ROWS}, new AS (
        SELECT DISTINCT ON
          (address_id, domain_key, below IS NULL, company_id, kind, channel, purpose, controller_id, until) *
        FROM wanted AS w WHERE NOT EXISTS (SELECT 1 FROM suppression_entry AS e WHERE {_SAME})
        ORDER BY address_id, domain_key, below IS NULL, company_id, kind, channel, purpose, controller_id, until, place
    ), added AS (
        INSERT INTO suppression_entry (address_id, domain_key, below, company_id, cause, at, until, source, channel,
          purpose, controller_id, evidence)
        SELECT address_id, decode(domain_key, 'hex'), below, company_id, cause, :now, until, source, channel,
          purpose, controller_id, evidence FROM new ORDER BY place RETURNING *
    )
    SELECT added.*, encode(a.key, 'hex') AS key, encode(coalesce(a.domain_key, added.domain_key), 'hex') AS domain,
      c.name AS company
    FROM added LEFT JOIN address AS a ON a.id = added.address_id LEFT JOIN company AS c ON c.id = added.company_id
    ORDER BY added.id
"""  # noqa: S608 - no text of a user in it

_STANDING = f"""
    WITH {_ROWS}
    SELECT w.place, max(e.id) AS id FROM wanted AS w JOIN suppression_entry AS e ON {_SAME} GROUP BY w.place
"""  # noqa: S608 - no text of a user in it
