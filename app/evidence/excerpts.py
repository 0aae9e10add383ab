"""The part of a chain that proves some of its rows, and shows no other row."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.evidence import CHAINS, KNOT, Chain, EvidenceBatch, as_text, knots, leaves
from core.evidence_anchors import EvidenceAnchor, anchor


def excerpt(session: Session, name: str, ids: Collection[int]) -> dict[str, Any]:
    """What proves these rows of a chain: the rows, the digests around them, and the links up to the next anchor.

    Rows that no anchor covers yet get one now. See `app/evidence/verify.py`, which reads this.
    """
    chain = CHAINS[name]
    rows = session.execute(
        text(f"SELECT id, batch_id, {chain.row_text} AS words FROM {chain.table} WHERE id = ANY(:ids) ORDER BY id"),  # noqa: S608 - names come from code
        {"ids": list(ids)},
    ).all()
    batches = {
        batch.id: batch
        for batch in session.scalars(select(EvidenceBatch).where(EvidenceBatch.id.in_({row.batch_id for row in rows})))
    }
    near, places = _leaves(session, chain, batches, ids)
    shown = defaultdict(list)
    for row in rows:
        shown[row.batch_id].append({"id": row.id, "place": places[row.id], "text": row.words})
    middle, beside = _knots(session, chain, batches), _beside(session, chain, batches)
    return {
        "chain": name,
        "columns": list(chain.columns),
        "runs": runs(session, name, {batch.seq for batch in batches.values()}),
        "batches": [
            {
                "seq": batch.seq,
                "beside": beside.get(number, ""),
                "knots": middle[number],
                "leaves": near[number],
                "rows": shown[number],
            }
            for number, batch in sorted(batches.items(), key=lambda item: item[1].seq)
        ],
    }


def _leaves(
    session: Session, chain: Chain, batches: Iterable[int], ids: Collection[int]
) -> tuple[dict[int, dict[str, list[str]]], dict[int, int]]:
    """The digests of the rows in the same knots, by batch and knot; and the places of the rows themselves."""
    near = f"""
        WITH leaf AS MATERIALIZED ({leaves(chain)})
        SELECT batch_id, id, place, encode(digest, 'hex') AS digest FROM leaf
        WHERE (batch_id, place / {KNOT}) IN (SELECT batch_id, place / {KNOT} FROM leaf WHERE id = ANY(:ids))
        ORDER BY batch_id, place
    """  # noqa: S608 - names come from code
    found: dict[int, dict[str, list[str]]] = defaultdict(dict)
    places = {}
    for row in session.execute(text(near), {"batches": list(batches), "ids": list(ids)}):
        found[row.batch_id].setdefault(str(row.place // KNOT), []).append(row.digest)
        places[row.id] = row.place
    return found, places


def _knots(session: Session, chain: Chain, batches: Iterable[int]) -> dict[int, list[str]]:
    query = f"SELECT batch_id, encode(digest, 'hex') AS digest FROM ({knots(chain)}) AS k ORDER BY batch_id, knot"  # noqa: S608 - names come from code
    found: dict[int, list[str]] = defaultdict(list)
    for row in session.execute(text(query), {"batches": list(batches)}):
        found[row.batch_id].append(row.digest)
    return found


def _beside(session: Session, chain: Chain, batches: Iterable[int]) -> dict[int, str]:
    if chain.beside is None:
        return {}
    words = as_text(chain.beside.columns)
    query = f"SELECT batch_id, {words} AS words FROM {chain.beside.table} WHERE batch_id = ANY(:batches)"  # noqa: S608 - names come from code
    return {row.batch_id: row.words for row in session.execute(text(query), {"batches": list(batches)})}


def runs(session: Session, name: str, seqs: Collection[int]) -> list[dict[str, Any]]:
    """The links from the first needed one before each anchor to that anchor."""
    if not seqs:
        return []
    anchors = _anchors(session, name, upto=max(seqs))
    ends = [end for end, _ in anchors]
    wanted: dict[tuple[int, int], list[int]] = defaultdict(list)
    for seq in seqs:
        wanted[anchors[bisect_left(ends, seq)]].append(seq)
    ranges = [(min(inside), end, number) for (end, number), inside in sorted(wanted.items())]
    links = defaultdict(list)
    for row in session.execute(
        text(
            "SELECT b.seq, b.rows, b.digest, b.previous, r.number FROM evidence_batch AS b"
            " JOIN unnest(CAST(:lows AS bigint[]), CAST(:highs AS bigint[]), CAST(:numbers AS bigint[]))"
            " AS r(low, high, number) ON b.seq BETWEEN r.low AND r.high WHERE b.chain = :chain ORDER BY b.seq"
        ),
        dict(zip(("lows", "highs", "numbers"), map(list, zip(*ranges, strict=True)), strict=True)) | {"chain": name},
    ):
        links[row.number].append(row)
    return [
        {
            "anchor": number,
            "previous": links[number][0].previous.hex(),
            "links": [{"seq": one.seq, "rows": one.rows, "digest": one.digest.hex()} for one in links[number]],
        }
        for _, _, number in ranges
    ]


def _anchors(session: Session, name: str, *, upto: int) -> list[tuple[int, int]]:
    """Where the chain ended at each anchor, and the number of the anchor; the last one lies at `upto` or beyond."""
    made = list(session.scalars(select(EvidenceAnchor).order_by(EvidenceAnchor.seq)))
    found = [(one.content["chains"][name]["seq"], one.seq) for one in made if name in one.content["chains"]]
    if not found or found[-1][0] < upto:
        one = anchor(session)
        found.append((one.content["chains"][name]["seq"], one.seq))
    # Of anchors with the same end the first is enough.
    return [pair for place, pair in enumerate(found) if not place or found[place - 1][0] < pair[0]]
