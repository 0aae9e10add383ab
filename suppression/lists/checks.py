"""Asking the service of a list about our people: a dated check, kept as a version of the list, with its evidence.

Nobody waits in a transaction for the network. A check that cannot be finished leaves everything as it was, so the list
becomes outdated and holds; it never turns into "not listed".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from core import audit, clock
from core.db import transaction
from core.errors import CrusoeError, NotAllowed
from core.sentences import say
from suppression.lists.adapter import Candidate, ListSpec, Service
from suppression.lists.check_evidence import digest, keep, note_unaskable
from suppression.lists.known import LISTS
from suppression.lists.known import spec as spec_of
from suppression.lists.matching import as_candidate, candidates
from suppression.lists.standing import outdated_from, required_lists, somebody_unasked
from suppression.lists.switching import put_into_force
from suppression.models import ListAsked, ListVersion, VersionState
from suppression.rule_sets import current
from suppression.rule_settings import RequiredList

# Addresses that are read, asked and stored at a time.
CHUNK = 5_000

_UNASKED = """
    WHERE e.channel = ANY (:channels) AND coalesce(c.country, '') = ANY (:concerned) AND e.address_id > :after
      AND NOT EXISTS (SELECT FROM list_asked AS a WHERE a.version_id = :version AND a.address_id = e.address_id)
    ORDER BY e.address_id FETCH FIRST :chunk ROWS WITH TIES
"""


@dataclass(frozen=True)
class Checked:
    """What a check did: how many addresses were asked about, how many of them are listed, in how many requests.

    `unaskable`: with these the service cannot be asked, so they are treated as listed.
    """

    list: str
    version: int
    asked: int
    listed: int
    requests: int
    unaskable: int


def check(*, list_id: str, actor: str, anew: bool = True) -> Checked:
    """Ask a service about everybody whom its list concerns; `anew=False`: only about those not asked about yet.

    The age of the list counts from the beginning of the check.
    """
    spec = spec_of(list_id)
    if spec.service is None:
        raise NotAllowed(
            "list_is_file", say("The list %(list)s is a file.", list=list_id), say("Use: crusoe lists import.")
        )
    if not spec.service.is_set_up():
        raise NotAllowed(
            "list_not_set_up",
            say("There is no key for the service of %(list)s.", list=list_id),
            say("Set it in the environment; see the README."),
        )
    with transaction() as session:
        required = required_lists(current(session).settings, on=clock.now()).get(spec.id)
        # Nobody else's digests leave the house.
        concerned = required.concerned if required else (spec.country,)
        why = _why(current(session).version, required)
        version_id, fresh = _begin(session, spec, actor=actor, anew=anew, why=why)
    try:
        done = _ask_all(spec, spec.service, version_id, concerned)
    except CrusoeError:
        if fresh:
            with transaction() as session:
                session.execute(delete(ListVersion).where(ListVersion.id == version_id))
        raise
    with transaction() as session:
        _finish(session, spec, version_id, done, actor=actor, fresh=fresh)
    return done


def due() -> list[tuple[str, bool]]:
    """The lists that should be asked now and can be, and whether about everybody: when a version is due or missing."""
    now = clock.now()
    with transaction() as session:
        required = required_lists(current(session).settings, on=now)
        found = []
        for list_id, need in required.items():
            spec = LISTS.get(list_id)
            if spec is None or spec.service is None or not spec.service.is_set_up():
                continue
            version = session.scalar(
                select(ListVersion).where(ListVersion.list_id == list_id, ListVersion.state == VersionState.ACTIVE)
            )
            half = timedelta(days=need.max_age_days) / 2
            if version is None or outdated_from(version, max_age_days=need.max_age_days) - now < half:
                found.append((list_id, True))
            elif somebody_unasked(session, version, concerned=need.concerned):
                found.append((list_id, False))
        return found


def _why(rules: int, required: RequiredList | None) -> str:
    """What a version has as its reason when a service is asked, on schedule or by command: the rule that wants it."""
    if required is None:
        return "asked by command; no rule requires it"
    return f"required by rules {rules}; maximum age in days: {required.max_age_days}"


def _begin(session: Session, spec: ListSpec, *, actor: str, anew: bool, why: str) -> tuple[int, bool]:
    active = session.scalar(
        select(ListVersion.id).where(ListVersion.list_id == spec.id, ListVersion.state == VersionState.ACTIVE)
    )
    if active is not None and not anew:
        return active, False
    version = ListVersion(
        list_id=spec.id,
        state=VersionState.LOADING,
        published_at=clock.now(),
        records=0,
        sha256=b"",
        fetched_by=actor,
        reason=why,
    )
    session.add(version)
    session.flush()
    return version.id, True


def _ask_all(spec: ListSpec, service: Service, version_id: int, concerned: tuple[str, ...]) -> Checked:
    after = asked = listed = requests = unaskable = 0
    while True:
        with transaction() as session:
            values = {"channels": list(spec.channels), "concerned": list(concerned), "after": after}
            rows = candidates(session, spec, _UNASKED, {**values, "version": version_id, "chunk": CHUNK})
        if not rows:
            return Checked(spec.id, version_id, asked, listed, requests, unaskable)
        found = [as_candidate(row) for row in rows]
        after = found[-1].address_id
        askable = [(one, service.hashes(one)) for one in found]
        silent = [one.address_id for one, hashes in askable if not hashes]
        for batch in _batches([pair for pair in askable if pair[1]], service.batch):
            hashes = list(dict.fromkeys(one for _candidate, made in batch for one in made))
            answer = service.ask(hashes)
            requests += 1
            with transaction() as session:
                listed += keep(session, version_id, batch=batch, hashes=hashes, answer=answer)
        with transaction() as session:
            note_unaskable(session, version_id, silent)
        asked, unaskable = asked + len(found), unaskable + len(silent)


def _batches(
    found: Sequence[tuple[Candidate, tuple[str, ...]]], most: int
) -> list[list[tuple[Candidate, tuple[str, ...]]]]:
    """Candidates together, as long as their digests fit into one request."""
    batches: list[list[tuple[Candidate, tuple[str, ...]]]] = []
    size = most
    for pair in found:
        if size + len(pair[1]) > most:
            batches.append([])
            size = 0
        batches[-1].append(pair)
        size += len(pair[1])
    return batches


def _finish(session: Session, spec: ListSpec, version_id: int, done: Checked, *, actor: str, fresh: bool) -> None:
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"list:{spec.id}"})
    session.execute(
        update(ListVersion)
        .where(ListVersion.id == version_id)
        .values(
            records=select(func.count())
            .select_from(ListAsked)
            .where(ListAsked.version_id == version_id)
            .scalar_subquery(),
            sha256=digest(session, version_id),
        )
    )
    if fresh:
        version = session.get_one(ListVersion, version_id)
        before = session.scalar(
            select(ListVersion).where(ListVersion.list_id == spec.id, ListVersion.state == VersionState.ACTIVE)
        )
        put_into_force(session, version, before, spec=spec)
    audit.record(
        session,
        actor=actor,
        action="list.check",
        object_type="list_version",
        object_id=version_id,
        reason=session.get_one(ListVersion, version_id).reason if fresh else None,
        list=spec.id,
        asked=done.asked,
        listed=done.listed,
        requests=done.requests,
    )
