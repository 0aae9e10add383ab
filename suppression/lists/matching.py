"""Which of our addresses a version names. Kept as hits, because a plan must never search a list of millions itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sqlalchemy import Row, select, text, update
from sqlalchemy.orm import Session

from suppression.lists.adapter import Candidate, ListSpec, Reading
from suppression.lists.known import LISTS
from suppression.lists.standing import RequiredVersion
from suppression.models import ListVersion, VersionState

CHUNK = 50_000

_ENDPOINTS = """
    SELECT e.id, e.address_id, e.value, e.channel, c.country, c.first_name, c.last_name, NULL AS post
    FROM endpoint AS e LEFT JOIN contact AS c ON c.id = e.contact_id
"""
# For lists that name people by where they live, on whichever channel.
_ENDPOINTS_OF_PEOPLE = """
    SELECT e.id, e.address_id, e.value, e.channel, c.country, c.first_name, c.last_name, p.value AS post
    FROM endpoint AS e LEFT JOIN contact AS c ON c.id = e.contact_id
    LEFT JOIN LATERAL (
      SELECT value FROM endpoint WHERE contact_id = e.contact_id AND channel = 'post' ORDER BY id DESC LIMIT 1
    ) AS p ON e.channel <> 'post'
"""


def candidates(session: Session, spec: ListSpec, where: str, values: Mapping[str, Any]) -> list[Row[Any]]:
    """Endpoints of ours with what a list may name them by. `where`: a condition of ours on `e` and `c`."""
    found = _ENDPOINTS_OF_PEOPLE if spec.names_people else _ENDPOINTS
    return list(session.execute(text(f"{found} {where}"), dict(values)).all())


def as_candidate(row: Row[Any]) -> Candidate:
    """A row of `candidates` as adapters take it."""
    return Candidate(row.address_id, row.value, row.channel, row.country, row.first_name, row.last_name, row.post)


@dataclass
class Matcher:
    """Looks endpoints up in one version. Domains are asked once each."""

    version_id: int
    spec: ListSpec
    reading: Reading = field(default_factory=dict)
    _domains: dict[str, bool] = field(default_factory=dict)

    def match(self, session: Session, found: Sequence[Candidate]) -> int:
        """Store a hit for each candidate that the version names; answers how many are new."""
        listed, by_domain = self.named(session, found)
        return _store(session, self.version_id, listed, by_domain=False) + _store(
            session, self.version_id, by_domain, by_domain=True
        )

    def named(self, session: Session, found: Sequence[Candidate]) -> tuple[set[int], set[int]]:
        """Those whom the version names: themselves, and only by their domain."""
        by_digest: dict[bytes, list[int]] = {}
        for candidate in found:
            for digest in self.spec.named(candidate, self.reading):
                by_digest.setdefault(digest, []).append(candidate.address_id)
        listed = set(chain.from_iterable(by_digest[digest] for digest in self._found(session, by_digest)))
        mails = [candidate for candidate in found if candidate.channel == "email"]
        domains = self._listed_domains(session, {_domain(candidate) for candidate in mails})
        return listed, {candidate.address_id for candidate in mails if _domain(candidate) in domains} - listed

    def _listed_domains(self, session: Session, domains: set[str]) -> set[str]:
        made = {
            domain: self.spec.domain_named(domain, self.reading) for domain in domains if domain not in self._domains
        }
        named = self._found(session, set(chain.from_iterable(made.values())))
        # One entry may stand for several domains, when it includes what is below it.
        self._domains |= {domain: not named.isdisjoint(digests) for domain, digests in made.items()}
        return {domain for domain in domains if self._domains[domain]}

    def _found(self, session: Session, digests: Iterable[bytes]) -> set[bytes]:
        wanted = sorted(digests)
        if not wanted:
            return set()
        # Sorted, so that the look-ups walk along the index instead of jumping through it.
        found = session.execute(
            text("SELECT digest FROM list_record WHERE version_id = :version AND digest = ANY (:digests)"),
            {"version": self.version_id, "digests": wanted},
        )
        return {bytes(row.digest) for row in found}


def _domain(candidate: Candidate) -> str:
    return candidate.value.rpartition("@")[2]


def _store(session: Session, version_id: int, address_ids: set[int], *, by_domain: bool) -> int:
    if not address_ids:
        return 0
    stored = session.execute(
        text(
            "INSERT INTO list_hit (address_id, version_id, by_domain)"
            " SELECT unnest(CAST(:ids AS bigint[])), :version, :by_domain ON CONFLICT DO NOTHING"
        ),
        {"ids": sorted(address_ids), "version": version_id, "by_domain": by_domain},
    )
    return int(stored.rowcount)  # type: ignore[attr-defined]


def match_endpoints(session: Session, *, version: ListVersion, spec: ListSpec, up_to: int) -> None:
    """Look up the endpoints that were not yet, with ids up to `up_to`, and note how far this went."""
    matcher = Matcher(version.id, spec, version.reading)
    after = version.matched_up_to
    while after < up_to:
        rows = candidates(
            session,
            spec,
            "WHERE e.id > :after AND e.id <= :up_to AND e.channel = ANY (:channels) ORDER BY e.id LIMIT :chunk",
            {"after": after, "up_to": up_to, "channels": list(spec.channels), "chunk": CHUNK},
        )
        matcher.match(session, [as_candidate(row) for row in rows])
        after = rows[-1].id if len(rows) == CHUNK else up_to
    session.execute(
        update(ListVersion)
        .where(ListVersion.id == version.id, ListVersion.matched_up_to < up_to)
        .values(matched_up_to=up_to)
        .execution_options(synchronize_session=False)
    )


def newest_endpoint(session: Session) -> int:
    """The id up to which all endpoints are there to be seen: no writer with a smaller one is still at work.

    Writers of endpoints share the lock `endpoints`. It is taken for a moment only, inside a savepoint that is rolled
    back, so that a long plan does not keep imports waiting.
    """
    with session.begin_nested() as moment:
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('endpoints'))"))
        newest = int(session.scalar(text("SELECT coalesce(max(id), 0) FROM endpoint")) or 0)
        moment.rollback()
    return newest


def catch_up(session: Session) -> None:
    """Look up the endpoints that came after the lists did, so that whoever adds contacts need not know about lists.

    Lists that are asked cannot be asked here, in the middle of a plan: `standing` holds those whom it would concern.
    """
    seen = int(session.scalar(text("SELECT coalesce(max(id), 0) FROM endpoint")) or 0)
    behind = [
        version
        for version in session.scalars(
            select(ListVersion).where(ListVersion.state == VersionState.ACTIVE, ListVersion.matched_up_to < seen)
        )
        if LISTS[version.list_id].service is None
    ]
    if not behind:
        return
    newest = newest_endpoint(session)
    for version in behind:
        match_endpoints(session, version=version, spec=LISTS[version.list_id], up_to=newest)


def match_recipients(session: Session, *, recipient: str, lists: tuple[RequiredVersion, ...]) -> None:
    """At the gate: ask the lists themselves about everybody in the temporary table `recipient`."""
    for found in lists:
        if found.version_id is None or LISTS[found.list_id].service is not None:
            continue
        spec = LISTS[found.list_id]
        rows = candidates(
            session,
            spec,
            f"JOIN {recipient} AS r ON r.endpoint_id = e.id"
            " WHERE coalesce(r.country, '') = ANY (:concerned) AND e.channel = ANY (:channels)",
            {"concerned": list(found.concerned), "channels": list(spec.channels)},
        )
        if rows:
            reading = session.scalar(select(ListVersion.reading).where(ListVersion.id == found.version_id)) or {}
            Matcher(found.version_id, spec, reading).match(session, [as_candidate(row) for row in rows])
