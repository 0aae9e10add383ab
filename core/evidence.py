"""Append-only tables and the hash chains that show when somebody touched them.

Rows of evidence are written in batches. A batch is sealed in the transaction that wrote it: its digest is the root of a
flat tree over the rows in order, its hash is SHA-256 over (chain, number, rows, digest, previous hash). Sealing a batch
costs the same whether it has one row or fifty thousand, so a million decisions keep a chain without slowing down. What
personal data a row has is by reference, so that erasing a person leaves the chain whole.

The tree: SHA-256 of each row, SHA-256 over each KNOT of them, SHA-256 over what stands beside the rows and all knots.
So one row can be proven to somebody who gets to see no other: a knot of digests and the digests of the knots suffice.
"""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import BigInteger, LargeBinary, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, CreatedAt, Id
from core.sentences import say

START = bytes(32)
# How many rows one digest of the middle of the tree is over.
KNOT = 256


class EvidenceBatch(Base):
    """One sealed link of a chain."""

    __tablename__ = "evidence_batch"
    __table_args__ = (UniqueConstraint("chain", "seq"),)

    id: Mapped[Id]
    chain: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[CreatedAt]
    rows: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    previous: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True)
class Beside:
    """A table with one row for each batch, covered by its seal: what all rows of the batch have in common."""

    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Chain:
    """A table of evidence: its name, and the columns that a seal covers, in order. It must have `id` and `batch_id`."""

    name: str
    table: str
    columns: tuple[str, ...]
    beside: Beside | None = None

    @property
    def row_text(self) -> str:
        """SQL for one row as text that cannot be read in two ways: a composite, which PostgreSQL quotes itself."""
        return as_text(self.columns)

    @property
    def beside_text(self) -> str:
        """SQL for what stands beside the rows of the batch `:batch`, as text; empty when there is no such table."""
        if self.beside is None:
            return "CAST('' AS text)"
        found = f"SELECT {as_text(self.beside.columns)} FROM {self.beside.table} WHERE batch_id = :batch"  # noqa: S608 - names come from code
        return f"coalesce(({found}), '')"


def as_text(columns: tuple[str, ...]) -> str:
    """SQL for these columns of a row as one text."""
    return f"ROW({', '.join(columns)})::text"


CHAINS: dict[str, Chain] = {}


def register(chain: Chain) -> Chain:
    """Make a table of evidence known to `verify`. Called once, beside the model."""
    CHAINS[chain.name] = chain
    return chain


def open_batch(session: Session) -> int:
    """Reserve the id under which the rows of one batch are written."""
    return int(session.scalar(text("SELECT nextval(pg_get_serial_sequence('evidence_batch', 'id'))")) or 0)


def seal(session: Session, *, chain: Chain, batch_id: int) -> None:
    """Close a batch after its rows are written. Call it last: it queues behind other writers of the chain."""
    rows, digest = _digest(session, chain=chain, batch_id=batch_id)
    if not rows:
        return
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"evidence:{chain.name}"})
    last = session.execute(
        select(EvidenceBatch.seq, EvidenceBatch.hash)
        .where(EvidenceBatch.chain == chain.name)
        .order_by(EvidenceBatch.seq.desc())
        .limit(1)
    ).first()
    seq, previous = (last.seq + 1, last.hash) if last else (1, START)
    session.execute(
        text(
            "INSERT INTO evidence_batch (id, chain, seq, rows, digest, previous, hash) OVERRIDING SYSTEM VALUE"
            " VALUES (:id, :chain, :seq, :rows, :digest, :previous, :hash)"
        ),
        {
            "id": batch_id,
            "chain": chain.name,
            "seq": seq,
            "rows": rows,
            "digest": digest,
            "previous": previous,
            "hash": link(chain=chain.name, seq=seq, rows=rows, digest=digest, previous=previous),
        },
    )


def link(*, chain: str, seq: int, rows: int, digest: bytes, previous: bytes) -> bytes:
    """The hash of one link, from everything that it stands for."""
    return sha256(b"\0".join([chain.encode(), str(seq).encode(), str(rows).encode(), digest, previous])).digest()


def leaves(chain: Chain) -> str:
    """SQL for the digest of each row of the batches `:batches`: batch_id, id, place (from 0) and digest."""
    place = "row_number() OVER (PARTITION BY batch_id ORDER BY id) - 1"
    digest = f"sha256(convert_to({chain.row_text}, 'UTF8'))"
    rows = f"SELECT batch_id, id, {place} AS place, {digest} AS digest FROM {chain.table}"  # noqa: S608 - names come from code
    return f"{rows} WHERE batch_id = ANY(:batches)"


def knots(chain: Chain) -> str:
    """SQL for the middle of the trees of the batches `:batches`: batch_id, knot (from 0), rows, digest."""
    return (
        f"SELECT batch_id, place / {KNOT} AS knot, count(*) AS rows,"  # noqa: S608 - names come from code
        f" sha256(string_agg(digest, CAST('' AS bytea) ORDER BY place)) AS digest"
        f" FROM ({leaves(chain)}) AS leaf GROUP BY batch_id, place / {KNOT}"
    )


def _digest(session: Session, *, chain: Chain, batch_id: int) -> tuple[int, bytes]:
    beside = f"sha256(convert_to({chain.beside_text}, 'UTF8'))"
    root = f"sha256({beside} || coalesce(string_agg(digest, CAST('' AS bytea) ORDER BY knot), CAST('' AS bytea)))"
    query = f"SELECT coalesce(sum(rows), 0) AS rows, {root} AS digest FROM ({knots(chain)}) AS knot"  # noqa: S608 - names come from code
    found = session.execute(text(query), {"batch": batch_id, "batches": [batch_id]}).one()
    return int(found.rows), bytes(found.digest)


@dataclass(frozen=True)
class Finding:
    """Something in a chain that is not as it was written."""

    chain: str
    seq: int
    what: str


def verify(session: Session) -> list[Finding]:
    """Recompute every link of every chain; an empty answer means that nothing was changed, removed or reordered."""
    return [finding for chain in CHAINS.values() for finding in _verify_chain(session, chain)]


def _verify_chain(session: Session, chain: Chain) -> list[Finding]:
    findings: list[Finding] = []
    previous, expected = START, 1
    links = select(EvidenceBatch).where(EvidenceBatch.chain == chain.name).order_by(EvidenceBatch.seq)
    for batch in session.scalars(links.execution_options(yield_per=500)):
        if batch.seq != expected:
            findings.append(Finding(chain.name, expected, say("a link is missing")))
        if batch.previous != previous:
            findings.append(Finding(chain.name, batch.seq, say("it does not follow the link before it")))
        rows, digest = _digest(session, chain=chain, batch_id=batch.id)
        if rows != batch.rows:
            findings.append(
                Finding(
                    chain.name,
                    batch.seq,
                    say("%(sealed)s rows were sealed, %(found)s are there", sealed=batch.rows, found=rows),
                )
            )
        elif digest != batch.digest:
            findings.append(Finding(chain.name, batch.seq, say("a row was changed")))
        sealed = link(chain=chain.name, seq=batch.seq, rows=batch.rows, digest=batch.digest, previous=batch.previous)
        if batch.hash != sealed:
            findings.append(Finding(chain.name, batch.seq, say("the seal does not fit")))
        previous, expected = batch.hash, batch.seq + 1
    return findings + _unsealed(session, chain)


def _unsealed(session: Session, chain: Chain) -> list[Finding]:
    loose = session.scalar(
        text(
            f"SELECT count(*) FROM {chain.table} AS t WHERE NOT EXISTS"  # noqa: S608 - names come from code
            " (SELECT 1 FROM evidence_batch AS b WHERE b.id = t.batch_id AND b.chain = :chain)"
        ),
        {"chain": chain.name},
    )
    return (
        [Finding(chain.name, 0, say("%(count)s rows stand outside every sealed batch", count=loose))] if loose else []
    )
