"""Lists whose operators publish no format: their results come as tables, with the columns said at the import.

Several of these take the advertiser's own numbers and hand back which of them are listed. Such an answer is imported
the same way; its age counts from the day of the answer.
"""

from datetime import date

from suppression.lists.adapter import EntryKind
from suppression.lists.generic_columns import columns_list

_CALLS = {"channels": ("phone",), "kinds": (EntryKind.PHONE,)}
_POST = {"channels": ("post",), "kinds": (EntryKind.POSTAL,)}

LISTS = (
    columns_list("at.wko.post", operator="WKO Fachverband Werbung", title="Robinson list (post)", country="AT",
                 legal_basis="§ 151(9) GewO, for address publishers", defeats=("legitimate_interest",), **_POST),
    columns_list("ch.directory", operator="telephone directories", title="Asterisk in the directory", country="CH",
                 legal_basis="Art. 3(1)(u) UWG", defeats=("legitimate_interest",), **_CALLS),
    columns_list("ch.sdv.post", operator="KS/CS", title="Robinson list (post)", country="CH", max_age_days=31,
                 legal_basis="self-regulation", defeats=("legitimate_interest",), **_POST),
    columns_list("de.idi", operator="I.D.I.", title="Robinsonliste.de", country="DE", max_age_days=7,
                 legal_basis="self-regulation", defeats=("legitimate_interest",)),
    columns_list("de.ddv.post", operator="DDV", title="DDV Robinsonliste", country="DE", max_age_days=31,
                 legal_basis="self-regulation; Art. 21(2) GDPR", defeats=("legitimate_interest",), **_POST),
    columns_list("fr.bloctel", operator="Consoprotec", title="Bloctel", country="FR", valid_to=date(2026, 8, 11),
                 legal_basis="Code de la consommation, art. L223-1", **_CALLS),
    columns_list("ie.ndd", operator="ComReg", title="National Directory Database", country="IE", max_age_days=28,
                 legal_basis="S.I. 336/2011, reg. 13-14", **_CALLS),
    columns_list("it.rpo", operator="Fondazione Ugo Bordoni", title="Registro pubblico delle opposizioni", country="IT",
                 max_age_days=15, legal_basis="DPR 26/2022",
                 # A registration also ends consents that are older than it.
                 defeats=("existing_customer", "legitimate_interest", "consent"), **_CALLS),
    columns_list("nl.postfilter", operator="Stichting Postfilter", title="Postfilter", country="NL", max_age_days=31,
                 legal_basis="Code Postfilter", defeats=("legitimate_interest",), **_POST),
    columns_list("no.reserv", operator="Brønnøysundregistrene", title="Reservasjonsregisteret", country="NO",
                 channels=("phone", "post"), legal_basis="Markedsføringsloven §§ 12-13"),
    columns_list("se.nix", operator="NIX-Telefon", title="NIX-Telefon", country="SE", max_age_days=61,
                 legal_basis="Marknadsföringslagen § 21", defeats=("legitimate_interest",), **_CALLS),
)  # fmt: skip
