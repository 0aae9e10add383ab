"""Which of our addresses a version names. Kept as hits, because a plan must never search a list of millions itself."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from contacts.models import Channel, Endpoint
from suppression.lists.adapter import ListSpec
from suppression.lists.known import LISTS
from suppression.lists.standing import RequiredVersion
from suppression.models import ListVersion, VersionState

CHUNK = 50_000


class Candidate(NamedTuple):
    """An address of ours that a list may name; in clear for as long as it takes to hash it."""

    address_id: int
    value: str


@dataclass
class Matcher:
    """Looks addresses up in one version. Domains are asked once each."""

    version_id: int
    spec: ListSpec
    _domains: dict[str, bool] = field(default_factory=dict)

    def match(self, session: Session, candidates: Sequence[Candidate]) -> int:
        """Store a hit for each candidate that the version names; answers how many are new."""
        by_digest: dict[bytes, list[int]] = {}
        for candidate in candidates:
            for digest in self.spec.address_digests(candidate.value):
                by_digest.setdefault(digest, []).append(candidate.address_id)
        listed = set(chain.from_iterable(by_digest[digest] for digest in self._named(session, by_digest)))
        domains = self._listed_domains(session, {_domain(candidate) for candidate in candidates})
        by_domain = {candidate.address_id for candidate in candidates if _domain(candidate) in domains} - listed
        return _store(session, self.version_id, listed, by_domain=False) + _store(
            session, self.version_id, by_domain, by_domain=True
        )

    def _listed_domains(self, session: Session, domains: set[str]) -> set[str]:
        asked = {
            digest: domain for domain in domains - self._domains.keys() for digest in self.spec.domain_digests(domain)
        }
        self._domains |= dict.fromkeys(asked.values(), False)
        self._domains |= {asked[digest]: True for digest in self._named(session, asked)}
        return {domain for domain in domains if self._domains[domain]}

    def _named(self, session: Session, digests: Iterable[bytes]) -> Iterator[bytes]:
        # Sorted, so that the look-ups walk along the index instead of jumping through it.
        found = session.execute(
            text("SELECT digest FROM list_record WHERE version_id = :version AND digest = ANY (:digests)"),
            {"version": self.version_id, "digests": sorted(digests)},
        )
        return (bytes(row.digest) for row in found)


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


def match_endpoints(session: Session, *, version_id: int, spec: ListSpec, after: int, up_to: int) -> None:
    """Look up the endpoints with ids in (after, up_to] and note how far this went."""
    matcher = Matcher(version_id, spec)
    while after < up_to:
        rows = session.execute(
            select(Endpoint.id, Endpoint.address_id, Endpoint.value)
            .where(Endpoint.id > after, Endpoint.id <= up_to, Endpoint.channel.in_([Channel(c) for c in spec.channels]))
            .order_by(Endpoint.id)
            .limit(CHUNK)
        ).all()
        matcher.match(session, [Candidate(row.address_id, row.value) for row in rows])
        after = rows[-1].id if len(rows) == CHUNK else up_to
    session.execute(
        update(ListVersion)
        .where(ListVersion.id == version_id, ListVersion.matched_up_to < up_to)
        .values(matched_up_to=up_to)
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
    """Look up the endpoints that came after the lists did, so that whoever adds contacts need not know about lists."""
    seen = int(session.scalar(text("SELECT coalesce(max(id), 0) FROM endpoint")) or 0)
    behind = session.execute(
        select(ListVersion.id, ListVersion.list_id, ListVersion.matched_up_to).where(
            ListVersion.state == VersionState.ACTIVE, ListVersion.matched_up_to < seen
        )
    ).all()
    if not behind:
        return
    newest = newest_endpoint(session)
    for version in behind:
        match_endpoints(
            session, version_id=version.id, spec=LISTS[version.list_id], after=version.matched_up_to, up_to=newest
        )


def match_recipients(session: Session, *, recipient: str, lists: tuple[RequiredVersion, ...]) -> None:
    """At the gate: ask the lists themselves about everybody in the temporary table `recipient`."""
    for found in lists:
        if found.version_id is None:
            continue
        rows = session.execute(
            text(
                f"SELECT e.address_id, e.value FROM {recipient} AS r JOIN endpoint AS e ON e.id = r.endpoint_id"  # noqa: S608 - a name of ours
                " WHERE coalesce(r.country, '') = ANY (:concerned)"
            ),
            {"concerned": list(found.concerned)},
        ).all()
        if rows:
            candidates = [Candidate(row.address_id, row.value) for row in rows]
            Matcher(found.version_id, LISTS[found.list_id]).match(session, candidates)
