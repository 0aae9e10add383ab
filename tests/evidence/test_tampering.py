"""`audit verify` finds what somebody did to the evidence, even somebody who may do anything in the database."""

import json

import pytest
from sqlalchemy import text

from core import audit, evidence_anchors, signing
from core.db import transaction
from core.evidence import KNOT, EvidenceBatch, link, open_batch, seal
from core.evidence_anchor_check import verify
from core.evidence_anchors import anchor, anchor_if_due, file_of
from suppression import Stage
from suppression.models import CHAIN, DecisionContext, StoredDecision
from tests import factories

ROWS = KNOT + 44


@pytest.fixture
def chains(database):
    """Three links of the audit log, one of decisions with more than one knot, and two anchors."""
    with transaction() as session:
        controller = factories.controller(session)
        rules = session.scalar(
            text("INSERT INTO rule_set (settings, sha256, proposed_by) VALUES ('{}', '', 'x') RETURNING id")
        )
        batch = open_batch(session)
        session.add(
            DecisionContext(
                batch_id=batch, stage=Stage.PLAN, channel="email", purpose="newsletter", controller_id=controller,
                rules_version=rules, list_versions={"at.ecg.file": 3},
            )
        )  # fmt: skip
        session.flush()
        session.add_all(
            [
                StoredDecision(batch_id=batch, message_id=n, address_id=n, verdict="block", reasons=["no_basis"])
                for n in range(ROWS)
            ]
        )
        session.flush()
        seal(session, chain=CHAIN, batch_id=batch)
        for number in (1, 2, 3):
            audit.record(session, actor="ann", action="test", object_type="thing", object_id=number)
        anchor(session)
    with transaction() as session:
        audit.record(session, actor="ann", action="test", object_type="thing", object_id=4)
        anchor(session)
    with transaction() as session:
        assert verify(session) == []


def tamper(*statements: str) -> list[str]:
    """Do this as somebody who can switch the triggers off; what is found then, with everything put back after."""
    tables = ("audit_event", "evidence_batch", "decision", "decision_context", "evidence_anchor")
    with transaction() as session:
        for table in tables:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER append_only"))
        for statement in statements:
            session.connection().exec_driver_sql(statement)
        found = [f"{one.chain} {one.seq}: {one.what}" for one in verify(session)]
        session.rollback()
    return found


FLIPPED = {
    "audit_event": ["actor = 'bob'", "action = 'other'", "object_id = '9'", "reason = 'because'", "at = at + '1 ms'",
                    "details = '{\"a\": 1}'", "object_type = 'x'", "batch_id = batch_id + 1"],
    "decision": ["verdict = 'send'", "reasons = '{}'", "basis = 'consent'", "address_id = 0", "message_id = NULL",
                 "consent_id = 1", "entry_id = 1", "list_version_id = 1", "purchase_id = 1"],
    "decision_context": ["purpose = 'other'", "topic = 'x'", "list_versions = '{}'", "stage = 'gate'",
                         "decided_at = decided_at + '1 ms'", "channel = 'sms'"],
    "evidence_batch": ["digest = ''", "previous = digest", "hash = digest", "rows = rows + 1", "seq = seq + 100"],
}  # fmt: skip


def test_every_flipped_field_is_found(chains):
    first = {"decision_context": "batch_id"}
    missed = [
        f"{table}: {change}"
        for table, changes in FLIPPED.items()
        for change in changes
        for key in [first.get(table, "id")]
        if not tamper(f"UPDATE {table} SET {change} WHERE {key} = (SELECT max({key}) FROM {table})")
    ]
    assert missed == []


def test_deleted_swapped_and_added_rows_are_found(chains):
    assert tamper("DELETE FROM decision WHERE message_id = 290")
    assert tamper("DELETE FROM decision WHERE message_id = 1")
    assert tamper("DELETE FROM decision_context")
    # Two rows change places, whether side by side or in different knots.
    for one, other in ((0, 1), (0, 290)):
        assert tamper(
            f"UPDATE decision SET message_id = CASE message_id WHEN {one} THEN {other} ELSE {one} END"
            f" WHERE message_id IN ({one}, {other})"
        )
    assert tamper(
        "INSERT INTO audit_event (batch_id, actor, action, object_type, object_id, details)"
        " SELECT batch_id, actor, action, object_type, object_id, details FROM audit_event LIMIT 1"
    )


def test_what_was_cut_off_the_end_is_found_by_the_anchor(chains):
    """The chain that is left is whole: without an anchor nobody would see it."""
    cut = "DELETE FROM audit_event WHERE batch_id IN (SELECT id FROM evidence_batch WHERE chain = 'audit' AND seq > 2)"
    links = "DELETE FROM evidence_batch WHERE chain = 'audit' AND seq > 2"
    assert any("names this link" in line for line in tamper(cut, links))
    assert any("names this link" in line for line in tamper("DELETE FROM decision", "DELETE FROM evidence_batch"))


def test_a_chain_that_was_computed_anew_is_found_by_the_anchor(chains):
    """Who may write anything can change a row and every hash after it, but cannot sign an anchor."""
    with transaction() as session:
        for table in ("audit_event", "evidence_batch"):
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER append_only"))
        session.execute(text("UPDATE audit_event SET actor = 'bob' WHERE object_id = '1'"))
        _seal_anew(session)
        found = verify(session)
        session.rollback()
    assert "anchor %(anchor)s knew another link in this place" in {one.what.words for one in found}
    assert {one.chain for one in found} == {"audit"}


def _seal_anew(session):
    """Compute the audit chain once more from its rows, as an attacker would."""
    from core.evidence import CHAINS, START, _digest

    previous = START
    batches = session.query(EvidenceBatch).filter_by(chain="audit").order_by(EvidenceBatch.seq).all()
    for batch in batches:
        rows, digest = _digest(session, chain=CHAINS["audit"], batch_id=batch.id)
        made = link(chain="audit", seq=batch.seq, rows=rows, digest=digest, previous=previous)
        session.execute(
            text("UPDATE evidence_batch SET digest = :digest, previous = :previous, hash = :hash WHERE id = :id"),
            {"digest": digest, "previous": previous, "hash": made, "id": batch.id},
        )
        previous = made
    session.expire_all()


def test_a_replaced_or_missing_anchor_is_found(chains):
    for change in ("signature = signature || 'x'", "document = document || ' '", "public_key = signature"):
        assert tamper(f"UPDATE evidence_anchor SET {change} WHERE seq = 2"), change
    assert tamper("UPDATE evidence_anchor SET seq = 4 - seq")
    for number in (1, 2):
        assert tamper(f"DELETE FROM evidence_anchor WHERE seq = {number}")
    assert tamper("UPDATE evidence_anchor SET seq = 7 WHERE seq = 2")


def test_an_anchor_that_vanished_from_both_places_is_known_to_the_audit_log(chains):
    file_of(2).unlink()
    assert any("audit log knows" in line for line in tamper("DELETE FROM evidence_anchor WHERE seq = 2"))


def test_a_changed_missing_or_added_file_is_found(chains):
    path = file_of(1)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert tamper(), place
    path.unlink()
    assert any("is missing" in line for line in tamper())
    path.write_bytes(whole)
    file_of(3).write_bytes(whole)
    assert any("no anchor in the database" in line for line in tamper())
    file_of(3).unlink()
    assert tamper() == []


def test_the_anchor_of_another_installation_is_found(chains, monkeypatch):
    with transaction() as session:
        last = evidence_anchors.newest(session)
        said = json.dumps(last.content | {"at": "2020-01-01T00:00:00+00:00"}, sort_keys=True, separators=(",", ":"))
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    other = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    forged = f"document = '{said}', signature = '\\x{other.sign(said.encode()).hex()}'"
    assert tamper(f"UPDATE evidence_anchor SET {forged} WHERE seq = 2")
    key = other.public_key().public_bytes_raw().hex()
    assert tamper(f"UPDATE evidence_anchor SET {forged}, public_key = '\\x{key}' WHERE seq = 2")


def test_there_is_one_anchor_a_day_and_its_file_comes_back_when_a_crash_lost_it(chains):
    file_of(2).unlink()
    with transaction() as session:
        assert anchor_if_due(session) is False
    assert file_of(2).exists()
    with transaction() as session:
        session.execute(text("ALTER TABLE evidence_anchor DISABLE TRIGGER append_only"))
        session.execute(text("UPDATE evidence_anchor SET at = at - interval '2 days'"))
        assert anchor_if_due(session) is True
        assert evidence_anchors.newest(session).seq == 3


def test_what_is_signed_is_known_by_its_key(home):
    signature = signing.sign(b"words")
    assert signing.is_signed(b"words", signature)
    assert not signing.is_signed(b"word", signature)
    assert len(signing.public_key()) == 32
