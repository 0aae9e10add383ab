"""What the evidence of a consent lacks: the same answer from a record, from the database, and for each kind."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from contacts import (
    Asked,
    Confirmed,
    MailSent,
    NewProof,
    Withdrawn,
    consent_records,
    keep_proofs,
    save_consent_text,
)
from contacts.completeness import (
    LACKING,
    PROOFS,
    PROVENANCE,
    REQUIRED,
    REQUIRED_MIGRATED_OFFLINE,
    ConsentKind,
    kind_of,
    missing,
    required,
)
from contacts.completeness_query import kind_column, missing_column
from contacts.consent_models import Consent, ConsentStep
from contacts.consents import confirm_consent, note_consent_step, request_consent, withdraw_consent
from contacts.intakes import ConsentIntake
from core.db import transaction
from tests import factories
from tests.contacts.files import load, write

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHOLE = {
    "text_version": "v1", "text_sha256": "00", "text_locale": "en", "typed": "Ann@mail.example",
    "normalised": "ann@mail.example", "privacy_notice_version": "p1", "form_version": "f1",
    "form_url": "https://shop.example", "form_sha256": "00", "control_state": {"consent": "ticked"},
    "frequency_stated": "monthly", "ip": "192.0.2.1", "token_hash": "00", "token_expires_at": "2026-03-08",
}  # fmt: skip
HEADER = "email,basis,text_version,requested_at,confirmed_at,confirm_ip"


def ask(session, address_id: int, *, at: datetime, **without: None) -> int:
    return request_consent(
        session, address_id=address_id, controller_id=1, purpose="newsletter", at=at, evidence=Asked(**WHOLE | without)
    )


def both_ways() -> dict[int, tuple[str, list[str]]]:
    """Kind and missing codes of each consent by address, if the record and the database agree."""
    with transaction() as session:
        rows = session.execute(select(Consent.id, Consent.address_id, kind_column(), missing_column())).all()
        records = consent_records(session, [row[0] for row in rows])
    for row in rows:
        record = records[row[0]]
        assert (row[2], sorted(row[3])) == (record["how_given"], sorted(record["missing"])), record
    return {row[1]: (row[2], sorted(row[3])) for row in rows}


def test_the_record_and_the_database_find_the_same_gaps_in_every_kind(database, tmp_path):
    with transaction() as session:
        save_consent_text(session, version="v1", locale="en", text="Yes.")
        who = factories.people(session, ["whole", "asked", "bare", "left", "renewed", "nothing"], consent=False)
        (kept,) = keep_proofs(session, [NewProof(b"the mail", "message:1")])
        for name in ("whole", "asked", "left", "renewed"):
            consent = ask(session, who[name], at=NOON)
            if name == "asked":
                continue
            sent = MailSent(
                message_id=1, message_header_id="<1@x>", template_version="c1", handed_over_at="2026", mx_host="mx",
                smtp_response="250 ok", mail_sha256=kept if name == "left" else "00" * 32,
            )  # fmt: skip
            note_consent_step(session, consent_id=consent, at=NOON + timedelta(seconds=9), evidence=sent)
            pressed = Confirmed(ip="192.0.2.1", page_version="k", page_sha256="00")
            confirm_consent(session, consent_id=consent, at=NOON + timedelta(minutes=1), evidence=pressed)
        again = Confirmed(ip="192.0.2.1", page_version="r", renews="2026", message_id=7, content_sha256="00")
        confirm_consent(session, consent_id=consent, at=NOON + timedelta(days=400), evidence=again)
        bare = ask(session, who["bare"], at=NOON, typed=None, normalised=None, ip=None, form_sha256=None)
        confirm_consent(session, consent_id=bare, at=NOON + timedelta(minutes=1), evidence=Confirmed())
        withdraw_consent(session, address_id=who["left"], at=NOON + timedelta(days=1), evidence=Withdrawn(through=""))
        factories.people(session, ["later"])
    written = write(
        tmp_path / "a.csv",
        HEADER,
        "old@mail.example,double_opt_in,v9,2026-01-05T10:00:00Z,2026-01-05T10:05:00Z,192.0.2.7",
    )
    load(ConsentIntake(), written)
    found = both_ways()
    # One copy is kept; of the other nothing but its digest is left.
    assert found[who["left"]] == ("double_opt_in", [])
    assert found[who["whole"]] == ("double_opt_in", ["mail_sha256"])
    assert found[who["asked"]] == ("double_opt_in", [])
    assert {"who_asked", "who_confirmed", "form_sha256", "mail_sha256", "page_sha256"} <= set(found[who["bare"]][1])
    assert found[who["renewed"]] == ("renewed", ["page_sha256", "renewal_text"])
    (migrated,) = (codes for kind, codes in found.values() if kind == "migrated")
    assert {"attested_by", "old_system", "wording", "form_sha256", "mail_sha256"} <= set(migrated)
    assert not {"export_sha256", "export_line", "who_confirmed", "controller_name"} & set(migrated)


kinds = st.sampled_from(list(ConsentKind))


@given(kinds, st.sampled_from(["double_opt_in", "written", "recorded"]), st.data())
def test_every_field_that_is_left_out_is_named_and_no_other(kind, basis, data):
    record = _record(kind, basis)
    real = kind_of(record)
    assert missing(record) == ()
    asked = required(real, record["basis"])
    left_out = data.draw(st.sets(st.sampled_from(asked)))
    for one in left_out:
        for step in record["steps"]:
            part = step.get(one.inside, {}) if one.inside else step
            if step["step"] == one.step:
                for name in one.fields:
                    part.pop(name, None)
    fields = {(one.step, one.inside, name) for one in left_out for name in one.fields}
    hit = {one.code for one in asked if all((one.step, one.inside, name) in fields for name in one.fields)}
    assert set(missing(record)) == hit
    assert all(LACKING[code] for code in hit)


def _record(kind: ConsentKind, basis: str) -> dict:
    """A record that shows everything that its kind has to show."""
    if kind in {ConsentKind.WRITTEN, ConsentKind.RECORDED}:
        basis = kind.value
    elif kind is not ConsentKind.MIGRATED:
        basis = "double_opt_in"
    steps = {step: {"step": step.value, "at": NOON} for step in ConsentStep}
    for one in required(kind, basis):
        part = steps[one.step].setdefault(one.inside, {}) if one.inside else steps[one.step]
        part |= dict.fromkeys(one.fields, "x")
    if kind is ConsentKind.RENEWED:
        steps[ConsentStep.CONFIRMED]["renews"] = "2025"
    return {
        "basis": basis, "confirmed_at": NOON, "withdrawn_at": None, "wording": {"en": "Yes."},
        "steps": list(steps.values()),
    }  # fmt: skip


def test_a_proof_that_is_gone_counts_no_more_and_an_open_request_lacks_nothing():
    record = _record(ConsentKind.WRITTEN, "written")
    for step in record["steps"]:
        step["gone"] = ["scan_sha256"]
    assert missing(record) == ("scan_sha256",)
    assert missing(record | {"confirmed_at": None}) == ()
    assert missing(record | {"wording": {}})[0] == "wording"


def test_only_the_steps_that_led_to_the_last_confirmation_count():
    record = _record(ConsentKind.DOUBLE_OPT_IN, "double_opt_in")
    later = [{"step": step, "at": NOON + timedelta(days=9)} for step in ("requested", "mail_sent")]
    earlier = [{"step": step, "at": NOON - timedelta(days=9)} for step in ("requested", "mail_sent", "confirmed")]
    assert missing(record | {"steps": [*later, *record["steps"], *earlier]}) == ()
    again = {"step": "confirmed", "at": NOON + timedelta(days=10)}
    assert "who_asked" in missing(record | {"steps": [*record["steps"], *later, again]})


def test_a_migrated_paper_is_vouched_for_and_named():
    record = _record(ConsentKind.MIGRATED, "written")
    assert missing(record) == ()
    bare = {"step": "confirmed", "at": NOON, "import": {}}
    assert missing(record | {"steps": [bare]}) == tuple(one.code for one in REQUIRED_MIGRATED_OFFLINE)


def test_every_kind_asks_for_who_gave_it_and_for_the_words():
    for kind, asked in REQUIRED.items():
        fields = {name for one in asked for name in one.fields}
        assert "particulars" in fields, kind
        assert "text_sha256" in fields, kind
    assert {name for asked in REQUIRED.values() for one in asked for name in one.fields} >= PROOFS
    assert {one.inside for one in REQUIRED[ConsentKind.MIGRATED]} == {None, PROVENANCE}


def test_a_withdrawal_that_does_not_say_how_is_named(database):
    with transaction() as session:
        factories.people(session, ["ann"])
        session.execute(text("UPDATE consent SET withdrawn_at = now()"))
    ((_kind, codes),) = both_ways().values()
    assert "withdrawn_through" in codes
