"""The Spanish Lista Robinson (Adigital): e-mail, SMS, calls and post, asked by digest; each answer is signed.

The digest is SHA-256 of the channel's two figures and the normalised fields, without a separator. The normaliser is the
operator's, odd as it is: other accents than Spanish and Catalan ones are dropped, not replaced.
"""

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256

from contacts import e164
from core import clock
from core.settings import settings
from suppression.lists.adapter import Access, Answer, Candidate, EntryKind, Evidence, Hashing, ListSpec, Service
from suppression.lists.asked import no_answer, post
from suppression.lists.aws_signature import signed_headers
from suppression.lists.postal import postcode_of

ID = "es.robinson"
BATCH = 60
REGION, SERVICE = "eu-west-1", "execute-api"
PREFIXES = {"id": "00", "post": "01", "email": "02", "sms": "03", "phone": "04"}
_ACCENTS = str.maketrans("àáçèéìíñòóùúüÀÁÇÈÉÌÍÑÒÓÙÚÜ", "aaceeiinoouuu" * 2)
_CAPITALS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def email(typed: str) -> str:
    """A to Z in small letters, then nothing but a-z, figures and `. @ _ - +`."""
    return re.sub(r"[^a-z0-9.@_+-]", "", typed.translate(_CAPITALS))


def phone(typed: str) -> str:
    """Figures with 00 and a country code; 34 where none is written."""
    digits = re.sub(r"[^0-9]", "", typed)
    if typed.startswith("+"):
        return f"00{digits}"
    return digits if typed.startswith("00") else f"0034{digits}"


def words(typed: str) -> str:
    """Names and streets: a-z, with the letters of Spanish and Catalan without their accents."""
    plain = unicodedata.normalize("NFC", typed).translate(_CAPITALS).translate(_ACCENTS)
    return re.sub(r"[^a-z]", "", plain)


def house(typed: str) -> str:
    """The figures that a house number begins with; `sn` for none."""
    return "sn" if typed == "sn" else typed[: len(typed) - len(typed.lstrip("0123456789"))]


def identity(typed: str) -> str:
    """Figures and the letters of Spanish identity numbers, which have no i, o and u."""
    return re.sub(r"[^0-9a-hj-np-tv-z]", "", typed.translate(_CAPITALS))


def digest(channel: str, *fields: str) -> str:
    """The digest of normalised fields on a channel."""
    return sha256((PREFIXES[channel] + "".join(fields)).encode()).hexdigest()


def hashes(candidate: Candidate) -> tuple[str, ...]:
    """The digests that may name an endpoint. A telephone is asked alone and with the name of its owner."""
    surnames = (candidate.last_name or "").split()
    forename = words(candidate.first_name or "")
    named = [forename, words(surnames[0]), words(" ".join(surnames[1:]))] if forename and surnames else []
    match candidate.channel:
        case "email":
            return (digest("email", email(candidate.value)),)
        case "phone" | "sms":
            # What is stored is about the number, so it is asked for both: listed for calls is listed for SMS as well.
            number = phone(e164(candidate.value, candidate.country or "ES") or candidate.value)
            owners = [[], named] if named else [[]]
            return tuple(digest(channel, *owner, number) for channel in ("phone", "sms") for owner in owners)
        case "post" if named:
            return _by_post(candidate.value, named)
    return ()


def _by_post(address: str, named: list[str]) -> tuple[str, ...]:
    lines = [line.strip() for line in re.split(r"[\n;]|, ?", address) if line.strip()]
    coded = [line for line in lines[1:] if postcode_of(line)]
    if not coded:
        return ()
    street = " ".join(lines[: lines.index(coded[-1])])
    number = re.search(r"\d+", street)
    code = postcode_of(coded[-1])
    # The first two figures of a Spanish postcode are the number of its province.
    fields = (words(street[: number.start()] if number else street), number.group() if number else "sn", code, code[:2])
    return (digest("post", *named, *fields),)


def ask(digests: Sequence[str]) -> Answer:
    """Which of the digests are listed, each with the operator's signature: the proof that it was asked."""
    body = ",".join(digests).encode()
    answer = post(settings().robinson_url, body=body, headers=lambda: _headers(body), list_id=ID)
    if not isinstance(answer, dict):
        raise no_answer(ID, "no object")
    proofs, listed = {}, set()
    for one in digests:
        found = answer.get(one)
        if not isinstance(found, dict) or not isinstance(found.get("found"), bool | int):
            raise no_answer(ID, "a digest that was asked is missing in the answer")
        if not isinstance(found.get("signature"), str) or not found["signature"]:
            raise no_answer(ID, "an answer is not signed")
        proofs[one] = found["signature"]
        # Listed for some sectors only is listed: which sector we are of is for a person to say.
        if found["found"] or found.get("sectors"):
            listed.add(one)
    return Answer(frozenset(listed), proofs)


def _headers(body: bytes) -> dict[str, str]:
    return signed_headers(
        settings().robinson_url,
        body=body,
        access_key=settings().robinson_access_key or "",
        secret_key=settings().robinson_secret_key or "",
        region=REGION,
        service=SERVICE,
        now=clock.now(),
    )


SPEC = ListSpec(
    id=ID,
    operator="Adigital",
    title="Lista Robinson",
    country="ES",
    channels=("email", "sms", "phone", "post"),
    kinds=(EntryKind.ADDRESS, EntryKind.PHONE, EntryKind.POSTAL, EntryKind.IDENTITY),
    hashing=Hashing("sha256", "hex", prefix="the channel's two figures"),
    normaliser="the operator's, by kind of field",
    match_rule="the address; the number alone or with its owner; the person at an address",
    max_age_days=30,
    legal_basis="LOPDGDD, art. 23",
    defeats=("legitimate_interest",),
    access=Access.SERVICE,
    evidence=Evidence.SIGNATURE,
    service=Service(
        batch=BATCH,
        hashes=hashes,
        ask=ask,
        is_set_up=lambda: bool(settings().robinson_access_key and settings().robinson_secret_key),
    ),
)
