"""The rules by themselves: what each does, and what no combination of facts may ever do."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from suppression.facts import BASES, Basis, ConsentState, Facts, Listing, Objection, Verdict
from suppression.rule_settings import Cap, RequiredList, RuleSettings, months_before
from suppression.rules import ADVERTISING, ANSWERING, RELEASABLE, RuleBook, book, decide

# Whatever else is so, these never help a message out of the house.
STRICTER = (
    "erased",
    "list_outdated",
    "paused",
    "capped",
    "topic_off",
    "deceased",
    "restricted",
    "minor",
    "case_open",
    "role_account",
    "unproven",
    "quiet",
)

anything = st.builds(
    Facts,
    **{name: st.sampled_from(Objection) for name in ("opted_out", "complaint", "hard_bounce", "internal_block")},
    consent=st.sampled_from(ConsentState),
    listed=st.sampled_from(Listing),
    **dict.fromkeys((*STRICTER, "customer", "no_consent_needed"), st.booleans()),
)
some_released = st.frozensets(st.sampled_from(sorted({rule.code for rule in ADVERTISING.rules})))
FRESH, CUSTOMER = Facts(consent=ConsentState.FRESH), Facts(customer=True)
STALE, UNASKED = Facts(consent=ConsentState.STALE), Facts(no_consent_needed=True)
NO = Objection.STANDING


@pytest.mark.parametrize(
    ("facts", "verdict", "code", "basis"),
    [
        (FRESH, Verdict.SEND, "consent", Basis.CONSENT),
        (CUSTOMER, Verdict.SEND, "existing_customer", Basis.EXISTING_CUSTOMER),
        (replace(FRESH, customer=True), Verdict.SEND, "consent", Basis.CONSENT),
        (replace(STALE, customer=True), Verdict.SEND, "existing_customer", Basis.EXISTING_CUSTOMER),
        (Facts(consent=ConsentState.LAPSED, customer=True), Verdict.SEND, "existing_customer", Basis.EXISTING_CUSTOMER),
        (STALE, Verdict.HOLD, "consent_stale", Basis.CONSENT),
        (Facts(consent=ConsentState.LAPSED), Verdict.BLOCK, "consent_lapsed", None),
        (Facts(consent=ConsentState.UNCONFIRMED), Verdict.BLOCK, "opt_in_unconfirmed", None),
        (Facts(), Verdict.BLOCK, "no_basis", None),
        (replace(FRESH, opted_out=NO), Verdict.BLOCK, "opted_out", None),
        (replace(FRESH, complaint=NO), Verdict.BLOCK, "complaint", None),
        (replace(FRESH, hard_bounce=NO), Verdict.BLOCK, "hard_bounce", Basis.CONSENT),
        (replace(CUSTOMER, opted_out=NO), Verdict.BLOCK, "opted_out", None),
        (replace(FRESH, opted_out=Objection.ANSWERED), Verdict.SEND, "consent", Basis.CONSENT),
        (replace(FRESH, hard_bounce=Objection.ANSWERED), Verdict.SEND, "consent", Basis.CONSENT),
        (replace(FRESH, internal_block=Objection.ANSWERED), Verdict.BLOCK, "internal_block", Basis.CONSENT),
        (replace(STALE, customer=True, opted_out=Objection.ANSWERED), Verdict.HOLD, "consent_stale", Basis.CONSENT),
        (replace(FRESH, listed=Listing.CUSTOMER), Verdict.HOLD, "robinson_listed", Basis.CONSENT),
        (replace(CUSTOMER, listed=Listing.CUSTOMER), Verdict.BLOCK, "robinson_listed", Basis.EXISTING_CUSTOMER),
        (replace(STALE, listed=Listing.CUSTOMER), Verdict.HOLD, "consent_stale", Basis.CONSENT),
        (replace(FRESH, list_outdated=True), Verdict.HOLD, "list_outdated", Basis.CONSENT),
        (replace(FRESH, listed=Listing.CUSTOMER, list_outdated=True), Verdict.HOLD, "list_outdated", Basis.CONSENT),
        (
            replace(CUSTOMER, listed=Listing.CUSTOMER, list_outdated=True),
            Verdict.BLOCK,
            "robinson_listed",
            Basis.EXISTING_CUSTOMER,
        ),
        (replace(FRESH, paused=True), Verdict.HOLD, "paused", Basis.CONSENT),
        (replace(FRESH, capped=True), Verdict.HOLD, "frequency_capped", Basis.CONSENT),
        (replace(FRESH, erased=True), Verdict.BLOCK, "erased", Basis.CONSENT),
        (replace(FRESH, topic_off=True), Verdict.BLOCK, "topic_off", Basis.CONSENT),
        (replace(CUSTOMER, topic_off=True), Verdict.BLOCK, "topic_off", Basis.EXISTING_CUSTOMER),
        (replace(FRESH, topic_off=True, opted_out=NO), Verdict.BLOCK, "opted_out", None),
        (UNASKED, Verdict.SEND, "legitimate_interest", Basis.LEGITIMATE_INTEREST),
        (replace(UNASKED, customer=True), Verdict.SEND, "existing_customer", Basis.EXISTING_CUSTOMER),
        (replace(UNASKED, consent=ConsentState.FRESH), Verdict.SEND, "consent", Basis.CONSENT),
        (replace(UNASKED, opted_out=NO), Verdict.BLOCK, "opted_out", None),
        (replace(UNASKED, opted_out=Objection.ANSWERED), Verdict.BLOCK, "no_basis", None),
        (replace(UNASKED, listed=Listing.CUSTOMER), Verdict.BLOCK, "robinson_listed", Basis.LEGITIMATE_INTEREST),
        (replace(UNASKED, listed=Listing.INTEREST), Verdict.BLOCK, "robinson_listed", Basis.LEGITIMATE_INTEREST),
        (replace(CUSTOMER, listed=Listing.INTEREST), Verdict.SEND, "existing_customer", Basis.EXISTING_CUSTOMER),
        (replace(FRESH, listed=Listing.INTEREST), Verdict.SEND, "consent", Basis.CONSENT),
        (replace(FRESH, listed=Listing.CONSENT), Verdict.BLOCK, "robinson_listed", Basis.CONSENT),
        (replace(CUSTOMER, listed=Listing.CONSENT), Verdict.BLOCK, "robinson_listed", Basis.EXISTING_CUSTOMER),
        (replace(FRESH, quiet=True), Verdict.HOLD, "quiet_hours", Basis.CONSENT),
        (replace(UNASKED, role_account=True), Verdict.HOLD, "role_account", Basis.LEGITIMATE_INTEREST),
        (replace(CUSTOMER, role_account=True), Verdict.HOLD, "role_account", Basis.EXISTING_CUSTOMER),
        (replace(FRESH, role_account=True), Verdict.SEND, "consent", Basis.CONSENT),
        (replace(FRESH, unproven=True), Verdict.BLOCK, "consent_unproven", Basis.CONSENT),
        (replace(CUSTOMER, unproven=True), Verdict.SEND, "existing_customer", Basis.EXISTING_CUSTOMER),
        (replace(FRESH, deceased=True), Verdict.BLOCK, "deceased", Basis.CONSENT),
        (replace(FRESH, restricted=True), Verdict.BLOCK, "restricted", Basis.CONSENT),
        (replace(FRESH, minor=True), Verdict.BLOCK, "minor", Basis.CONSENT),
        (replace(FRESH, case_open=True), Verdict.HOLD, "case_open", Basis.CONSENT),
    ],
)
def test_each_situation_gets_its_verdict(facts: Facts, verdict: Verdict, code: str, basis: Basis | None) -> None:
    decision = decide(facts)
    assert (decision.verdict, decision.code, decision.basis) == (verdict, code, basis)


def test_all_reasons_are_kept_in_the_order_of_the_rules() -> None:
    found = decide(replace(STALE, opted_out=NO, listed=Listing.CUSTOMER, capped=True))
    assert found.reasons == ("opted_out", "consent_stale", "robinson_listed", "frequency_capped")


def test_what_no_rule_foresaw_is_not_sent() -> None:
    found = decide(Facts(), RuleBook(rules=(), basis=lambda _facts: None))
    assert (found.verdict, found.reasons, found.basis) == (Verdict.BLOCK, ("no_basis",), None)


def test_numbers_of_facts_begin_at_nothing_known() -> None:
    assert Facts().pack() == 0
    assert Facts(quiet=True).pack() == 1


@given(anything)
def test_facts_survive_being_numbered(facts: Facts) -> None:
    assert Facts.unpack(facts.pack()) == facts


def test_the_numbers_of_facts_fit_the_column() -> None:
    biggest = 1
    for base in BASES.values():
        biggest *= base
    assert biggest < 2**31


@given(anything, some_released)
def test_nothing_is_sent_without_a_basis(facts: Facts, released: frozenset[str]) -> None:
    decision = decide(facts, released=released)
    if decision.verdict is Verdict.SEND:
        assert decision.basis is not None
        assert decision.code == decision.basis
        assert facts.opted_out is not NO
        assert facts.complaint is not NO


@given(anything, st.sampled_from(["opted_out", "complaint", "hard_bounce", "internal_block"]), some_released)
def test_an_objection_never_turns_a_refusal_into_a_send(facts: Facts, kind: str, released: frozenset[str]) -> None:
    for stricter in Objection:
        if stricter >= getattr(facts, kind) and decide(facts, released=released).verdict is not Verdict.SEND:
            later = replace(facts, **{kind: stricter})
            assert decide(later, released=released).verdict is not Verdict.SEND


@given(anything, some_released)
def test_a_standing_objection_blocks_whatever_else_is_so(facts: Facts, released: frozenset[str]) -> None:
    for kind in ("opted_out", "complaint", "hard_bounce", "internal_block"):
        assert decide(replace(facts, **{kind: NO}), released=released).verdict is Verdict.BLOCK


@given(anything, st.sampled_from(STRICTER), some_released)
def test_a_stricter_fact_never_loosens_the_verdict(facts: Facts, name: str, released: frozenset[str]) -> None:
    without, having = (decide(replace(facts, **{name: value}), released=released) for value in (False, True))
    assert having.verdict.strictness >= without.verdict.strictness


@given(anything)
def test_a_weaker_basis_never_turns_a_refusal_into_a_send(facts: Facts) -> None:
    for consent in ConsentState:
        if consent <= facts.consent and decide(facts).verdict is not Verdict.SEND:
            assert decide(replace(facts, consent=consent)).verdict is not Verdict.SEND
            for weaker in ({"customer": False}, {"no_consent_needed": False}):
                assert decide(replace(facts, consent=consent, **weaker)).verdict is not Verdict.SEND


@given(anything)
def test_the_code_explains_the_verdict(facts: Facts) -> None:
    decision = decide(facts)
    if decision.verdict is not Verdict.SEND:
        applying = [rule for rule in ADVERTISING.rules if rule.applies(facts)]
        assert applying[0].code == decision.code
        assert applying[0].verdict is decision.verdict


@given(anything, some_released)
def test_a_release_lets_only_holds_pass_and_is_written_down(facts: Facts, released: frozenset[str]) -> None:
    before, after = decide(facts), decide(facts, released=released)
    if before.verdict is Verdict.BLOCK:
        assert after.verdict is Verdict.BLOCK
    for reason in set(before.reasons) - set(after.reasons):
        assert f"{reason}:released" in after.reasons
    assert not after.code.endswith(":released")
    assert ("paused" in before.reasons) == ("paused" in after.reasons)


def test_a_released_hold_is_sent_with_the_release_on_record() -> None:
    found = decide(STALE, released=frozenset({"consent_stale"}))
    assert (found.verdict, found.reasons) == (Verdict.SEND, ("consent", "consent_stale:released"))
    assert (
        frozenset({"consent_stale", "robinson_listed", "list_outdated", "role_account", "frequency_capped"})
        == RELEASABLE
    )


@given(anything)
def test_an_answer_needs_no_consent_but_a_living_mailbox_that_nobody_blocked(facts: Facts) -> None:
    decision = decide(facts, book("transactional"))
    blocked = NO in (facts.opted_out, facts.complaint, facts.hard_bounce) or facts.internal_block is not Objection.NONE
    blocked = blocked or facts.deceased or facts.restricted
    assert decision.verdict is (Verdict.BLOCK if blocked else Verdict.SEND)
    assert book("transactional") is ANSWERING
    assert book("newsletter") is ADVERTISING


def test_every_fact_is_read_by_a_rule() -> None:
    for field in fields(Facts):
        worst = False if field.type is bool else None
        values = [True] if field.type is bool else list(field.type)
        outcomes = {
            (decide(replace(base, **{field.name: value})).verdict, decide(replace(base, **{field.name: value})).code)
            for base in (FRESH, STALE, CUSTOMER, Facts())
            for value in [*values, *([worst] if worst is not None else [])]
        }
        assert len(outcomes) > 1, field.name


@pytest.mark.parametrize(
    ("moment", "months", "before"),
    [
        ("2026-11-21", 18, "2025-05-21"),
        ("2026-08-31", 18, "2025-02-28"),
        ("2026-03-31", 1, "2026-02-28"),
        ("2024-02-29", 24, "2022-02-28"),
        ("2026-01-15", 1, "2025-12-15"),
    ],
)
def test_months_are_calendar_months(moment: str, months: int, before: str) -> None:
    start = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert months_before(start, months).date().isoformat() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"lapsed_after_months": 12},
        {"stale_after_months": 0},
        {"unknown": 1},
        {"required_lists": [{"list_id": "a", "countries": ["at"]}]},
        {"required_lists": [{"list_id": "a", "countries": ["AT"]}, {"list_id": "a", "countries": ["DE"]}]},
        {"caps": [{"messages": 0, "days": 7}]},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RuleSettings.model_validate(wrong)


def test_the_digest_of_settings_depends_on_what_they_say_only() -> None:
    assert RuleSettings().digest == RuleSettings(stale_after_months=18).digest
    assert RuleSettings().digest != RuleSettings(caps=(Cap(messages=1, days=7),)).digest
    assert RequiredList(list_id="a", countries=("AT",), unknown_country=False).concerned == ("AT",)
