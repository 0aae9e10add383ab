"""The Austrian ECG list as a web service (RTR, since 2020).

It takes SHA-512 digests in hexadecimal, of addresses and of domains without `@`, and answers those that are listed.
Whether dots in the local part are removed before hashing is not settled: both spellings are asked, and any hit counts.
"""

import json
import unicodedata
from collections.abc import Sequence
from hashlib import sha512

from core.settings import settings
from suppression.lists.adapter import Access, Answer, Candidate, EntryKind, Evidence, Hashing, ListSpec, Service
from suppression.lists.asked import no_answer, post
from suppression.lists.at_ecg_file import spellings

ID = "at.ecg.api"
# The limit is not published; 100, 500 and 5,000 are in use.
BATCH = 500


def hashes(candidate: Candidate) -> tuple[str, ...]:
    """The digests that would name an address, with and without its dots, or its domain."""
    local, _, domain = unicodedata.normalize("NFC", candidate.value.strip()).lower().rpartition("@")
    asked = []
    for spelling in spellings(domain):
        asked += [f"{local}@{spelling}", f"{local.replace('.', '')}@{spelling}", spelling]
    return tuple(dict.fromkeys(sha512(words.encode()).hexdigest() for words in asked))


def ask(digests: Sequence[str]) -> Answer:
    """Which of the digests are listed."""
    body = json.dumps({"emails": list(digests), "contained": True, "hashed": True}).encode()
    headers = {"X-API-KEY": settings().ecg_api_key or "", "Content-Type": "application/json"}
    answer = post(settings().ecg_url, body=body, headers=lambda: headers, list_id=ID)
    listed = answer.get("emails") if isinstance(answer, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise no_answer(ID, "there are no `emails` in the answer")
    found = {one.lower() for one in listed}
    if not found <= set(digests):
        raise no_answer(ID, "the answer names what was not asked")
    return Answer(frozenset(found))


SPEC = ListSpec(
    id=ID,
    operator="RTR",
    title="ECG list (service)",
    country="AT",
    channels=("email",),
    kinds=(EntryKind.ADDRESS, EntryKind.DOMAIN),
    hashing=Hashing("sha512", "hex"),
    normaliser="lower-cased, with dots and without; domains without @",
    match_rule="any of the spellings, or exactly the domain",
    max_age_days=1,
    legal_basis="§ 7(2) ECG; § 174(4) TKG 2021",
    defeats=("existing_customer", "legitimate_interest"),
    access=Access.SERVICE,
    evidence=Evidence.ANSWER,
    service=Service(batch=BATCH, hashes=hashes, ask=ask, is_set_up=lambda: bool(settings().ecg_api_key)),
)
