"""Who people are, how they are reached, and what they agreed to.

In come addresses as typed, files, and what people say on the recipient's side (asked, confirmed, withdrew, chose). Out
go contacts with endpoints, `address_id`s that stand for addresses everywhere else, consents with their evidence, and
choices. Served rule: an address in clear stands in an endpoint and nowhere else, and an address row outlives its
contact, so that objections and evidence do too.
"""

from contacts.address_book import domain_key, ensure_addresses, find_address, find_phone, note_endpoints_change
from contacts.addresses import EmailAddress, email_address
from contacts.choices import Choice, as_written, choice, choose, restore_choices
from contacts.completeness import LACKING, ConsentKind
from contacts.completeness_query import kind_column, missing_column
from contacts.consent_evidence import Asked, Confirmed, GivenOffline, Keeping, LandingViewed, MailSent, Withdrawn
from contacts.consent_pages import Shown, keep_page, privacy_notice, save_privacy_notice
from contacts.consent_records import consent_records
from contacts.consent_texts import save_consent_text
from contacts.consents import (
    Withdrawal,
    confirm_consent,
    note_consent_step,
    request_consent,
    withdraw_consent,
    withdraw_consents,
)
from contacts.controllers import ControllerPlan, save_controller
from contacts.fields import define as define_field
from contacts.offline_consents import OfflineConsent, latest_texts, record_offline_consent, scan_type
from contacts.people import Erased, add_contact, erase, rectify
from contacts.phones import PhoneNumber, e164, phone_number
from contacts.proofs import (
    Kept,
    NewProof,
    forget_proofs,
    forget_subjects,
    keep_for_good,
    keep_proofs,
    proofs_of,
    take_out,
)
from contacts.scans import ENDINGS, LARGEST, Scan, scan
from contacts.visibility import hide_contacts, is_visible

__all__ = [
    "ENDINGS",
    "LACKING",
    "LARGEST",
    "Asked",
    "Choice",
    "Confirmed",
    "ConsentKind",
    "ControllerPlan",
    "EmailAddress",
    "Erased",
    "GivenOffline",
    "Keeping",
    "Kept",
    "LandingViewed",
    "MailSent",
    "NewProof",
    "OfflineConsent",
    "PhoneNumber",
    "Scan",
    "Shown",
    "Withdrawal",
    "Withdrawn",
    "add_contact",
    "as_written",
    "choice",
    "choose",
    "confirm_consent",
    "consent_records",
    "define_field",
    "domain_key",
    "e164",
    "email_address",
    "ensure_addresses",
    "erase",
    "find_address",
    "find_phone",
    "forget_proofs",
    "forget_subjects",
    "hide_contacts",
    "is_visible",
    "keep_for_good",
    "keep_page",
    "keep_proofs",
    "kind_column",
    "latest_texts",
    "missing_column",
    "note_consent_step",
    "note_endpoints_change",
    "phone_number",
    "privacy_notice",
    "proofs_of",
    "record_offline_consent",
    "rectify",
    "request_consent",
    "restore_choices",
    "save_consent_text",
    "save_controller",
    "save_privacy_notice",
    "scan",
    "scan_type",
    "take_out",
    "withdraw_consent",
    "withdraw_consents",
]
