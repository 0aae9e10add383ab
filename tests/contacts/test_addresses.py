"""One address has one spelling, one hash, and a reason when it is none."""

import hmac

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts import email_address, ensure_addresses, find_address
from contacts.models import Address
from core.db import transaction
from core.errors import WrongInput
from core.keys import address_key, keys

ODD = st.text(alphabet="abAB1.-_+@ \"<>()[]\\äöß‚ü\u00ad\u3002é\u0301'", max_size=12)
LOCAL = st.one_of(st.from_regex(r"[a-zA-Z0-9._+'-]{1,20}", fullmatch=True), ODD, st.just("Info"), st.just("x" * 65))
DOMAIN = st.one_of(
    st.sampled_from(
        ["firma.example", "FIRMA.Example", "bücher.example", "xn--bcher-kva.example", "a.b.test", "x.local"]
    ),
    st.from_regex(r"[a-zA-Z0-9.-]{1,20}", fullmatch=True),
    ODD,
    st.just("x" * 60 + ".example"),
    st.just(".".join(["ü" * 20] * 8) + ".example"),
)


@settings(deadline=None)
@given(st.builds("{}@{}".format, LOCAL, DOMAIN))
def test_the_short_way_gives_the_answers_of_email_validator(typed):
    try:
        found = validate_email(typed.strip(), check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        for _ in range(2):
            with pytest.raises(WrongInput):
                email_address(typed)
        return
    local = found.local_part.lower() if found.local_part.isupper() else found.local_part
    expected = (f"{local}@{found.domain}", f"{found.local_part.lower()}@{found.ascii_domain.lower()}")
    # Twice, because the second time the domain is known.
    assert [email_address(typed)[:2] for _ in range(2)] == [expected, expected]


@settings(deadline=None)
@given(LOCAL, DOMAIN)
def test_case_and_outer_blanks_do_not_make_another_address(local, domain):
    try:
        plain = email_address(f"{local}@{domain}")
        loud = email_address(f"  {local.upper()}@{domain.upper()}\t")
    except WrongInput:
        return
    # A few letters, such as ß, are two when written large; who types that means another address.
    if local.upper().lower() == local.lower() and domain.upper().lower() == domain.lower():
        assert plain.key == loud.key


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_an_address_or_wrong_input_with_a_code(typed):
    error = None
    try:
        email_address(typed)
    except WrongInput as refused:
        error = refused
    assert error is None or (error.code.startswith("address_") and error.message)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "address_missing"),
        ("  ", "address_missing"),
        ("n/a", "address_stand_in"),
        ("anna@firma.", "address_without_top_level"),
        ("anna@firma", "address_without_top_level"),
        ("anna@firma.example.", "address_ends_with_dot"),
        ("anna@@firma.example", "address_two_ats"),
        ("anna..b@firma.example", "address_two_dots"),
        ("anna at firma.example", "address_blank_inside"),
        ("an na@firma.example", "address_blank_inside"),
        ("annafirma.example", "address_without_at"),
        ("@firma.example", "address_without_name"),
        ("x" * 65 + "@firma.example", "address_too_long"),
        ("anna@firma.localhost", "address_invalid"),
    ],
)
def test_each_mistake_has_a_reason_of_its_own(typed, code):
    with pytest.raises(WrongInput) as raised:
        email_address(typed)
    assert raised.value.code == code


def test_the_domain_of_an_international_address_is_compared_as_it_is_sent():
    assert email_address("a@BÜCHER.example").domain == "xn--bcher-kva.example"


def test_the_hash_of_an_address_is_an_hmac_with_the_key_of_the_installation(home):
    expected = hmac.digest(keys().address, b"anna@firma.example", "sha256")
    assert address_key("anna@firma.example") == expected


def test_an_address_has_one_row_however_it_is_typed(database):
    first = [email_address("Anna@firma.example"), email_address("ben@firma.example")]
    with transaction() as session:
        made = ensure_addresses(session, first)
    with transaction() as session:
        again = ensure_addresses(session, [email_address("ANNA@FIRMA.example "), email_address("c@firma.example")])
        assert again["anna@firma.example"] == made["anna@firma.example"]
        assert find_address(session, " anna@Firma.EXAMPLE") == made["anna@firma.example"]
        assert find_address(session, "nobody@firma.example") is None
        assert find_address(session, "no address") is None
        assert session.query(Address).count() == 3


def test_an_address_in_capitals_is_written_to_in_small_letters():
    assert email_address("CHLOE.SCHMIDT@MAIL.EXAMPLE").value == "chloe.schmidt@mail.example"
    assert email_address("Chloe.Schmidt@mail.example").value == "Chloe.Schmidt@mail.example"
