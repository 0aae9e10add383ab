"""Compliance looks an address up, or the hash that is left of it, and sees everything that decides about it."""

import re

from sqlalchemy import select

from contacts import email_address, erase, find_address
from contacts.models import Address, Contact
from core import clock
from core.db import transaction
from core.permissions import Role
from suppression import Cause, Question, add, every_verdict_now, look_up, open_case, reserve
from tests.browsing import post
from tests.factories import controller, people


def digest(email):
    with transaction() as session:
        return session.scalar(select(Address.key).where(Address.id == find_address(session, email))).hex()


def page_of(client, what):
    answer = client.get(f"/look-up?what={what}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def test_everything_that_decides_about_an_address_stands_on_one_page(person, found):
    compliance = person(Role.COMPLIANCE)
    with transaction() as session:
        question = Question(channel="email", purpose="newsletter", controller_id=controller(session))
        emails = [email_address("ada@mail.example"), email_address("bob@mail.example")]
        reserve(session, people=emails, question=question, given_to="token:crm")
        open_case(session, case="T-1", system="crm", emails=emails[:1], by="token:crm")
    post(compliance, "/suppression/block", what="*.mail.example", kind="competitor", reason="they copy us")
    post(compliance, "/suppression/block", what="@mail.example", kind="competitor", reason="they copy us")
    post(compliance, "/suppression/entries/4/lift", reason="not any more")
    ada = page_of(compliance, "Ada@Mail.example")
    for words in (
        "Shop E-mail newsletter block blocked by us",
        "E-mail transactional",
        "It ends with the case.",
        "Two of us lift it, for a reason; no opt-in does.",
        "compliance@crew.example has asked to lift it",
        "they copy us",
        "another system: token:crm",
        "reserved until",
        "summer send",
        "confirmed",
    ):
        assert words in ada, words
    bob = page_of(compliance, "bob@mail.example")
    assert "Only a later opt-in that the person confirms answers it." in bob
    assert "no more" in bob
    assert "refused" in bob


def test_a_hash_finds_what_an_erased_person_left_and_shows_no_address(person, found):
    with transaction() as session:
        bob = session.scalar(select(Contact.id).where(Contact.number == "bob"))
        erase(session, bob, actor="test")
    compliance = person(Role.COMPLIANCE)
    for what in (digest("bob@mail.example"), "hash:" + digest("bob@mail.example").upper()):
        page = page_of(compliance, what)
        assert "(kept as a hash)" in page
        assert "opted out" in page
        assert "bob@mail.example" not in page
    assert "Nothing is stored about this address" in page_of(compliance, "0" * 64)
    assert "The address has no @" in page_of(compliance, "0" * 63)


def test_only_compliance_looks_people_up_like_that(person, found):
    assert person(Role.MARKETER).get("/look-up?what=ada@mail.example").status_code == 403
    assert "/look-up?what=" in person(Role.COMPLIANCE).get("/suppression/?address=ada@mail.example").text
    assert "/look-up" not in person(Role.RELEASER).get("/suppression/?address=ada@mail.example").text


def test_every_purpose_that_ever_mattered_is_asked_about(database):
    with transaction() as session:
        ada = people(session, ["ada"])["ada"]
        add(session, address_id=ada, cause=Cause.OPTED_OUT, purpose="surveys", at=clock.now(), source="page")
        about = look_up(session, "ada@mail.example")
        assert about.address_id == ada
        found = {(one.controller, one.purpose): one.verdict for one in every_verdict_now(session, address_id=ada)}
    assert {purpose: found["Shop", purpose] for purpose in ("newsletter", "surveys", "transactional")} == {
        "newsletter": "send", "surveys": "block", "transactional": "send",
    }  # fmt: skip
