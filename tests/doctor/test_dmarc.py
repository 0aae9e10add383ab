"""DMARC: the walk up the tree, the policy that counts, and alignment (RFC 9989, RFC 9990)."""

import pytest

from delivery.doctor.answers import Answers
from delivery.doctor.dmarc import organisation, steps
from delivery.signing import PublicKey
from tests.doctor.judging import asking, codes, look

OK = "v=DMARC1; p=reject; rua=mailto:dmarc@shop.example"
KEY = PublicKey("shop.example", "s1", "rsa", "AAAA")


def at(domain: str, *texts: str) -> dict[str, list[str]]:
    return {f"_dmarc.{domain} TXT": list(texts)}


CASES = [
    ("its own record", "shop.example", at("shop.example", OK), {"dmarc_good"}),
    ("that of its organisation", "news.shop.example", at("shop.example", OK), {"dmarc_good"}),
    ("beside another text", "shop.example", at("shop.example", "hello", OK), {"dmarc_good"}),
    ("none", "shop.example", {}, {"dmarc_missing"}),
    ("another text only", "shop.example", at("shop.example", "v=DMARC10; p=reject"), {"dmarc_missing"}),
    ("two", "shop.example", at("shop.example", OK, OK), {"dmarc_twice"}),
    ("unreadable", "shop.example", at("shop.example", "v=DMARC1; p=reject; nonsense"), {"dmarc_broken"}),
    ("an unknown policy", "shop.example", at("shop.example", "v=DMARC1; p=maybe; rua=mailto:a@shop.example"),
        {"dmarc_broken"}),
    ("only watching", "shop.example", at("shop.example", "v=DMARC1; p=none; rua=mailto:a@shop.example"),
        {"dmarc_only_watching"}),
    ("on trial", "shop.example", at("shop.example", OK + "; t=y"), {"dmarc_only_watching"}),
    ("without a policy", "shop.example", at("shop.example", "v=DMARC1; rua=mailto:a@shop.example"),
        {"dmarc_only_watching"}),
    ("its own policy for names below", "news.shop.example", at("shop.example", OK + "; sp=none"),
        {"dmarc_good"}),
    ("no reports", "shop.example", at("shop.example", "v=DMARC1; p=reject"), {"dmarc_no_reports"}),
    ("old tags", "shop.example", at("shop.example", OK + "; pct=50; ri=86400"), {"dmarc_old_tags"}),
    ("reports to strangers", "shop.example", at("shop.example", "v=DMARC1; p=reject; rua=mailto:a@other.test"),
        {"dmarc_reports_refused"}),
    ("reports to somebody who agreed", "shop.example",
        at("shop.example", "v=DMARC1; p=reject; rua=mailto:a@other.test!10m")
        | {"shop.example._report._dmarc.other.test TXT": ["v=DMARC1"]}, {"dmarc_good"}),
    ("reports to no address", "shop.example", at("shop.example", "v=DMARC1; p=reject; rua=a@shop.example"),
        {"dmarc_reports_refused"}),
    ("reports to a thousand", "shop.example",
        at("shop.example", "v=DMARC1; p=reject; rua=" + ",".join(f"mailto:a@h{n}.test" for n in range(1000))),
        {"dmarc_reports_refused"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "domain", "names", "expected"), CASES, ids=[case[0] for case in CASES])
def test_the_policy_is_found_and_judged(what, domain, names, expected):
    found = codes(names, "dmarc", domain=domain, return_domain=domain, keys=(PublicKey(domain, "s", "rsa", "A"),))
    if what == "its own policy for names below":
        expected = {"dmarc_only_watching"}
    assert found == expected


def test_the_walk_goes_label_by_label_and_skips_to_seven_in_long_names():
    assert steps("news.shop.example") == ["news.shop.example", "shop.example", "example"]
    long = "a.b.c.d.e.f.g.h.i.j.shop.example"
    assert steps(long) == [
        long, "f.g.h.i.j.shop.example", "g.h.i.j.shop.example", "h.i.j.shop.example", "i.j.shop.example",
        "j.shop.example", "shop.example", "example",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "names", "expected"),
    [
        ("a.b.shop.example", at("shop.example", OK) | at("b.shop.example", OK), "shop.example"),
        ("a.b.shop.example", at("shop.example", OK) | at("b.shop.example", OK + "; psd=n"), "b.shop.example"),
        ("a.shop.co.example", at("co.example", OK + "; psd=y"), "shop.co.example"),
        ("co.example", at("co.example", OK + "; psd=y"), "co.example"),
        ("a.shop.example", {}, "a.shop.example"),
        ("a.shop.example", at("shop.example", OK, OK), "a.shop.example"),
    ],
)
def test_the_organisation_is_the_top_of_the_walk_unless_a_record_says_otherwise(domain, names, expected):
    everything = {(f"_dmarc.{name}", "TXT") for name in steps(domain)}
    assert organisation(Answers(asking(names)(everything)), domain) == expected


ALIGNMENT = [
    ("both", {}, "", {"aligned_good"}),
    ("bounces below", {"return_domain": "b.shop.example"}, "", {"aligned_good"}),
    ("bounces below, strictly", {"return_domain": "b.shop.example"}, "; aspf=s", {"dmarc_one_aligned"}),
    ("bounces elsewhere", {"return_domain": "relay.test"}, "", {"dmarc_one_aligned"}),
    ("no key", {"keys": ()}, "", {"dmarc_one_aligned"}),
    ("neither", {"keys": (), "return_domain": "relay.test"}, "", {"dmarc_unaligned"}),
    ("a key that does not sign yet", {"keys": (PublicKey("shop.example", "s1", "rsa", "A", is_active=False),)}, "",
        {"dmarc_one_aligned"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "values", "more", "expected"), ALIGNMENT, ids=[case[0] for case in ALIGNMENT])
def test_what_spf_and_dkim_prove_has_to_speak_for_the_domain_in_from(what, values, more, expected):
    found = codes(at("shop.example", OK + more), **{"keys": (KEY,)} | values)
    assert found & {"aligned_good", "dmarc_one_aligned", "dmarc_unaligned"} == expected


def test_the_suggested_record_is_a_good_one():
    (missing,) = (one for one in look({}).findings if one.code == "dmarc_missing")
    assert missing.record
    assert codes({f"{missing.record.name} TXT": [missing.record.value]}, "dmarc", keys=(KEY,)) == {
        "dmarc_only_watching"
    }
