"""The published half of a signing key (RFC 6376, RFC 8301, RFC 8463)."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from delivery.doctor import CATALOGUE, Severity
from delivery.signing import PublicKey, public_value
from tests.dns_server import SILENT
from tests.doctor.judging import codes, look

RSA = public_value(rsa.generate_private_key(65537, 2048))
OTHER = public_value(rsa.generate_private_key(65537, 2048))
WEAK = public_value(rsa.generate_private_key(65537, 1024))  # noqa: S505 - the point of it
# 768 bits, made by another program: ours makes none so short.
SHORT = (
    "MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAJ34bouGUshaOQYuYL/Ng7dwL+J2ARDpPZMn3doKw244JtGBRiKogm1q1rutLt0Yz1Ce"
    "5cOJo6x0ntx+/n5HXdWmOahBCidUeIzKzch0cKl5/14xg7LJRpzuFS/MslDzdQIDAQAB"
)
ED = public_value(ed25519.Ed25519PrivateKey.generate())
NAME = "s1._domainkey.shop.example TXT"

KEY = PublicKey("shop.example", "s1", "rsa", RSA)
ED_KEY = PublicKey("shop.example", "s1", "ed25519", ED)

CASES = [
    ("as we ask for it", KEY, [KEY.record], {"dkim_good"}),
    ("shortest form", KEY, [f"p={RSA}"], {"dkim_good"}),
    ("with blanks and notes", KEY, [f"v=DKIM1 ; n=hello; k=rsa ;  p = {RSA[:80]}  {RSA[80:]} ;"], {"dkim_good"}),
    ("for mail and SHA-256", KEY, [f"v=DKIM1; s=email; h=sha1:sha256; p={RSA}"], {"dkim_good"}),
    ("beside another text", KEY, ["google-site-verification", KEY.record], {"dkim_good"}),
    ("ed25519", ED_KEY, [ED_KEY.record], {"dkim_good"}),
    ("absent", KEY, [], {"dkim_missing"}),
    ("another text only", KEY, ["hello"], {"dkim_missing"}),
    ("twice", KEY, [KEY.record, KEY.record], {"dkim_twice"}),
    ("revoked", KEY, ["v=DKIM1; p="], {"dkim_revoked"}),
    ("other key", KEY, [f"v=DKIM1; p={OTHER}"], {"dkim_other_key"}),
    ("other algorithm", ED_KEY, [KEY.record], {"dkim_other_key"}),
    ("a short key", KEY, [f"v=DKIM1; p={SHORT}"], {"dkim_short"}),
    ("a weak key of ours", PublicKey("shop.example", "s1", "rsa", WEAK), [f"p={WEAK}"], {"dkim_weak"}),
    ("on trial", KEY, [f"v=DKIM1; t=y:s; p={RSA}"], {"dkim_testing"}),
    ("for something else", KEY, [f"v=DKIM1; s=tlsrpt; p={RSA}"], {"dkim_not_for_mail"}),
    ("for SHA-1 only", KEY, [f"v=DKIM1; h=sha1; p={RSA}"], {"dkim_not_for_mail"}),
    ("an unknown version", KEY, [f"v=DKIM2; p={RSA}"], {"dkim_broken"}),
    ("no base64", KEY, ["v=DKIM1; p=%%%%"], {"dkim_broken"}),
    ("no key", KEY, ["v=DKIM1; p=aGVsbG8="], {"dkim_broken"}),
    ("31 bytes of ed25519", ED_KEY, ["v=DKIM1; k=ed25519; p=aGVsbG8="], {"dkim_broken"}),
    ("a tag twice", KEY, [f"v=DKIM1; p={RSA}; p={OTHER}"], {"dkim_broken"}),
    ("thousands of tags", KEY, ["v=DKIM1; p=; " + ";".join(f"x{n}=y" for n in range(5_000))], {"dkim_broken"}),
    ("64 kB of key", KEY, ["v=DKIM1; p=" + "A" * 64_000], {"dkim_broken"}),
]


@pytest.mark.parametrize(("what", "key", "records", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_published_key_is_judged_as_receivers_do(what, key, records, expected):
    assert codes({NAME: records}, "dkim", keys=(key,)) == expected


def test_findings_about_a_key_show_the_record_to_publish_and_no_more_of_a_hostile_one_than_fits():
    (finding,) = (one for one in look({NAME: ["v=DKIM1; p=" + "A" * 64_000]}, keys=(KEY,)).findings
                  if one.code == "dkim_broken")  # fmt: skip
    assert finding.record
    assert (finding.record.name, finding.record.value) == ("s1._domainkey.shop.example", KEY.record)
    assert len(finding.found) < 600


def test_a_key_that_does_not_sign_now_blocks_nothing_while_its_record_is_missing():
    """While keys change there is always one whose record is not there yet, or not there any more."""
    drawn = PublicKey("shop.example", "s1", "rsa", RSA, is_active=False)
    followed = PublicKey("shop.example", "s1", "rsa", RSA, is_active=False, was_active=True)
    assert codes({NAME: [drawn.record]}, "dkim", keys=(drawn,)) == {"dkim_good", "dkim_none"}
    for records in ([], ["v=DKIM1; p="], [f"v=DKIM1; p={OTHER}"]):
        assert codes({NAME: records}, "dkim", keys=(drawn,)) == {"dkim_waiting", "dkim_none"}
        assert codes({NAME: records}, "dkim", keys=(followed,)) == {"dkim_gone_early", "dkim_none"}
    assert not {CATALOGUE[code][0] for code in ("dkim_waiting", "dkim_gone_early")} & {Severity.FAIL}


def test_without_an_answer_nothing_is_said_about_a_key():
    assert codes({NAME: SILENT}, "dkim", keys=(KEY,)) == set()
