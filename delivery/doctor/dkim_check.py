"""The published half of a signing key: whether it is there, ours, and strong enough (RFC 6376, 8301, 8463)."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from core.sentences import Sentence, say
from delivery.doctor.answers import Answers
from delivery.doctor.findings import Finding, Record, Severity, cut
from delivery.doctor.subject import Subject
from delivery.doctor.tags import BadTags, read_tags
from delivery.signing.public import PublicKey

SHORTEST_RSA = 1024
STRONG_RSA = 2048
ED25519_BYTES = 32
# An RSA key of 16,384 bits takes less; more is an attempt to keep somebody busy.
LONGEST_KEY = 4096


def dkim_findings(answers: Answers, *, key: PublicKey) -> list[Finding]:
    """What is to be said about the record of a key. One that does not sign now keeps nothing from being sent."""
    found = published_findings(answers, key=key)
    if key.is_active or not any(finding.severity is Severity.FAIL for finding in found):
        return found
    if key.was_active:
        said = say("Mails signed with %(name)s are on their way, and its record does not hold any more.", name=key.name)
        return [_publish(key, "dkim_gone_early", said, found[0].found)]
    said = say("The key %(name)s waits for its record.", name=key.name)
    return [_publish(key, "dkim_waiting", said, found[0].found)]


def published_findings(answers: Answers, *, key: PublicKey) -> list[Finding]:
    """What receivers find when they look for this key."""
    # A name holds other things too by mistake; a key record is told by its p= tag (section 3.6.1: v= is optional).
    records = [text for text in answers.records(key.name, "TXT") if "p=" in text.replace(" ", "")]
    if not records:
        return [_publish(key, "dkim_missing", say("No key is published at %(name)s.", name=key.name))]
    if len(records) > 1:
        said = say("%(name)s has more than one key: receivers may take any of them.", name=key.name)
        return [_publish(key, "dkim_twice", said, found=records[0])]
    try:
        tags = read_tags(records[0])
    except BadTags as error:
        said = say("Receivers cannot read %(part)s in the key record.", part=repr(str(error)))
        return [_publish(key, "dkim_broken", said, found=records[0])]
    wrong = _wrong(key, tags)
    if wrong is not None:
        return [_publish(key, wrong[0], wrong[1], found=records[0])]
    return _remarks(key, tags, records[0])


def _publish(key: PublicKey, code: str, said: Sentence, found: str = "") -> Finding:
    remedy = say("Publish this record, in place of any other at this name.")
    return Finding(code, key.name, said, remedy, cut(found), Record(key.name, "TXT", key.record))


def _wrong(key: PublicKey, tags: dict[str, str]) -> tuple[str, Sentence] | None:
    """Why no signature of ours would hold, or None."""
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return "dkim_broken", say("The record is no key record of version DKIM1.")
    if not tags["p"]:
        return "dkim_revoked", say("The key is revoked: its p= is empty.")
    services = {one.strip() for one in tags.get("s", "*").split(":")}
    hashes = {one.strip().lower() for one in tags.get("h", "sha256").split(":")}
    if not services & {"*", "email"} or "sha256" not in hashes:
        return "dkim_not_for_mail", say("The record says that the key is not for mail, or not for SHA-256.")
    return _wrong_key(key, tags)


def _wrong_key(key: PublicKey, tags: dict[str, str]) -> tuple[str, Sentence] | None:
    value = "".join(tags["p"].split())
    bits = _bits(tags.get("k", "rsa").lower(), value)
    if bits is None:
        return "dkim_broken", say("The record holds no key that can be read.")
    if bits < SHORTEST_RSA and tags.get("k", "rsa").lower() == "rsa":
        return "dkim_short", say("The key has only %(bits)s bits: receivers ignore it.", bits=bits)
    if tags.get("k", "rsa").lower() != key.algorithm or not _same(value, key.value):
        return "dkim_other_key", say("The published key is not the one with which we sign.")
    return None


def _remarks(key: PublicKey, tags: dict[str, str], text: str) -> list[Finding]:
    remarks = []
    bits = _bits(key.algorithm, "".join(tags["p"].split())) or 0
    if key.algorithm == "rsa" and bits < STRONG_RSA:
        said = say("The key has %(bits)s bits; %(strong)s are asked for.", bits=bits, strong=STRONG_RSA)
        remarks.append(Finding("dkim_weak", key.name, said, say("Draw a new key and go over to it."), cut(text)))
    if "y" in {one.strip() for one in tags.get("t", "").split(":")}:
        said = say("The record says that the domain only tries DKIM out (t=y): receivers may ignore signatures.")
        remarks.append(Finding("dkim_testing", key.name, said, say("Remove t=y."), cut(text)))
    good = say("The key at %(name)s is published, and it is ours.", name=key.name)
    return remarks or [Finding("dkim_good", key.name, good, found=cut(text))]


def _bits(algorithm: str, value: str) -> int | None:
    """How long a published key is; None when it cannot be read."""
    raw = _decoded(value)
    if raw is None:
        return None
    if algorithm == "ed25519":
        return len(raw) * 8 if len(raw) == ED25519_BYTES else None
    try:
        found = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return found.key_size if isinstance(found, RSAPublicKey) else None


def _decoded(value: str) -> bytes | None:
    if len(value) > LONGEST_KEY:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def _same(published: str, ours: str) -> bool:
    return _decoded(published) == _decoded(ours)


def signing_findings(_answers: Answers, *, subject: Subject) -> list[Finding]:
    """Keys that cannot be used, and that nobody signs."""
    found = [
        Finding("dkim_key_unusable", f"{selector}._domainkey.{subject.domain}", why)
        for selector, why in subject.unusable
    ]
    if found or any(key.is_active for key in subject.keys):
        return found
    return [
        Finding(
            "dkim_none",
            subject.domain,
            say("We have no key that signs for %(domain)s.", domain=subject.domain),
            say("Draw one with `crusoe dkim new %(domain)s`, or let your relay sign.", domain=subject.domain),
        )
    ]
