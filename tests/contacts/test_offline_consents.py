"""A consent on paper or in a call: what its evidence holds, which field is wrong, and what it never answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from contacts import (
    OfflineConsent,
    Scan,
    Withdrawn,
    consent_records,
    latest_texts,
    record_offline_consent,
    request_consent,
    save_consent_text,
    scan_type,
    withdraw_consent,
)
from contacts.consent_evidence import Asked
from contacts.consent_models import Consent
from contacts.models import Channel
from contacts.offline_consents import LONGEST
from core import clock
from core.db import transaction
from core.errors import NotAllowed, WrongInput
from tests import factories
from tests.contacts.files import rows

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)
PAPER = Scan(b"%PDF-1.7 %%EOF", "application/pdf")


@pytest.fixture
def paper(database):
    with transaction() as session:
        anna = factories.people(session, ["anna"], consent=False)["anna"]
        save_consent_text(session, version="paper-1", locale="de", text="Ja.")
        save_consent_text(session, version="paper-2", locale="de", text="Ja, gern.")
    return OfflineConsent(
        address_id=anna, controller_id=1, channel=Channel.EMAIL, purpose="newsletter", basis="written",
        text_version="paper-1", text_locale="de", typed="Anna@Mail.example", normalised="anna@mail.example",
        given_at=MONDAY, place="Graz", taken_by="Rita", recorded_by="crew@shop.example", scan=PAPER, note="at the fair",
    )  # fmt: skip


def record(given):
    with transaction() as session:
        return record_offline_consent(session, given)


def state(consent):
    ((*found,),) = rows(f"SELECT basis, text_version, requested_at, confirmed_at FROM consent WHERE id = {consent}")
    return tuple(found)


def test_the_evidence_holds_everything_that_was_entered(paper):
    consent = record(paper)
    assert state(consent) == ("written", "paper-1", MONDAY, MONDAY)
    ((said,),) = rows("SELECT evidence FROM consent_event WHERE step = 'confirmed'")
    digest = sha256(PAPER.content).hexdigest()
    ((reference,),) = rows("SELECT CAST(reference AS text) FROM consent")
    assert len(said.pop("particulars")) == 64
    ((name,),) = rows("SELECT name FROM controller WHERE id = 1")
    assert said == {
        "reference": reference, "controller_id": 1, "controller_name": name, "channel": "email",
        "purpose": "newsletter", "text_version": "paper-1", "basis": "written", "text_locale": "de",
        "text_sha256": sha256(b"Ja.").hexdigest(), "given_at": "2026-01-05T09:00:00.000+00:00", "place": "Graz",
        "taken_by": "Rita", "recorded_by": "crew@shop.example", "evidence_ref": f"scan:{digest}",
        "scan_sha256": digest, "scan_type": "application/pdf", "scan_bytes": len(PAPER.content), "note": "at the fair",
    }  # fmt: skip
    assert rows(f"SELECT subject, about, kept_until FROM proof WHERE sha256 = decode('{digest}', 'hex')") == [
        (f"consent:{consent}", {"type": "application/pdf", "bytes": len(PAPER.content)}, None)
    ]
    with transaction() as session:
        (step,) = consent_records(session, [consent])[consent]["steps"]
        assert (step["typed"], step["normalised"]) == ("Anna@Mail.example", "anna@mail.example")
        assert [one.version for one in latest_texts(session)] == ["paper-2", "paper-1"]
    # A call names its recording and has no scan; what is longer than a line is cut, never refused.
    call = replace(
        paper,
        channel=Channel.PHONE,
        basis="recorded",
        scan=None,
        recording="17.ogg",
        note="",
        typed="6" * (LONGEST + 9),
    )
    spoken = record(call)
    ((said,),) = rows(f"SELECT evidence FROM consent_event WHERE consent_id = {spoken}")
    assert said["evidence_ref"] == "17.ogg"
    assert not {"scan_sha256", "scan_type", "scan_bytes", "note"} & said.keys()
    with transaction() as session:
        (step,) = consent_records(session, [spoken])[spoken]["steps"]
        assert step["typed"] == "6" * LONGEST
        # A scan is opened through the consent that it proves, and through no other.
        assert scan_type(session, consent, digest) == "application/pdf"
        assert scan_type(session, spoken, digest) is None
        assert scan_type(session, consent, "0" * 64) is None


def test_a_later_paper_brings_its_words_and_an_older_one_only_itself(paper):
    consent = record(paper)
    later = replace(
        paper, given_at=MONDAY + DAY, text_version="paper-2", basis="recorded", recording="3.ogg", scan=None
    )
    assert record(later) == consent
    assert state(consent) == ("recorded", "paper-2", MONDAY, MONDAY + DAY)
    assert record(replace(paper, given_at=MONDAY - DAY)) == consent
    assert state(consent) == ("recorded", "paper-2", MONDAY, MONDAY + DAY)
    assert rows("SELECT count(*) FROM consent_event") == [(3,)]
    with pytest.raises(WrongInput) as known:
        record(replace(later, place="Linz"))
    assert (known.value.code, known.value.where) == ("consent_known", "given_at")
    # The moment of a request, or of another consent, is no moment of this one.
    other = replace(paper, purpose="offers")
    with transaction() as session:
        open_ = request_consent(
            session, address_id=paper.address_id, controller_id=1, purpose="offers", at=MONDAY + DAY,
            evidence=Asked(text_version="nl-1"),
        )  # fmt: skip
    assert record(replace(other, given_at=MONDAY)) == open_
    assert state(open_) == ("written", "paper-1", MONDAY, MONDAY)
    assert record(replace(other, given_at=MONDAY + DAY)) == open_


def test_what_was_withdrawn_meanwhile_is_no_longer_put_on_record(paper):
    consent = record(paper)
    with transaction() as session:
        known = session.get(Consent, consent)
        assert known.withdrawn_at is None
        with transaction() as other:
            by_letter = Withdrawn(through="letter")
            withdraw_consent(other, address_id=paper.address_id, at=MONDAY + DAY, evidence=by_letter)
        with pytest.raises(NotAllowed, match="2026-01-06") as refused:
            record_offline_consent(session, replace(paper, given_at=MONDAY + 2 * DAY))
    assert refused.value.code == "consent_withdrawn"
    assert rows("SELECT count(*) FROM consent_event WHERE step = 'confirmed'") == [(1,)]


def test_what_is_missing_is_named_with_its_field(paper):
    wrong = {
        ("consent_kind_unknown", "basis"): [{"basis": "double_opt_in"}, {"channel": Channel.POST}],
        ("missing", "purpose"): [{"purpose": ""}],
        ("missing", "place"): [{"place": ""}],
        ("missing", "taken_by"): [{"taken_by": ""}],
        ("too_long", "purpose"): [{"purpose": "p" * (LONGEST + 1)}],
        ("too_long", "place"): [{"place": "p" * (LONGEST + 1)}],
        ("too_long", "taken_by"): [{"taken_by": "p" * (LONGEST + 1)}],
        ("in_future", "given_at"): [{"given_at": clock.now() + timedelta(minutes=1)}],
        ("scan_missing", "scan"): [{"scan": None}, {"scan": None, "recording": "17.ogg"}],
        ("recording_missing", "recording"): [{"basis": "recorded"}, {"basis": "recorded", "recording": ""}],
        ("consent_text_unknown", "words"): [{"text_version": "paper-9"}, {"text_locale": "en"}],
    }
    for said, changes in wrong.items():
        for change in changes:
            with pytest.raises(WrongInput) as refused:
                record(replace(paper, **change))
            assert (refused.value.code, refused.value.where) == said
    assert rows("SELECT count(*) FROM consent") == rows("SELECT count(*) FROM proof") == [(0,)]
    record(replace(paper, place="p" * LONGEST, channel=Channel.SMS))
