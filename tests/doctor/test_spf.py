"""SPF as receivers evaluate it (RFC 7208)."""

import ipaddress
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.doctor.answers import Answers, Wanted
from delivery.doctor.spf import Budget, Verdict, check_host
from delivery.doctor.spf_record import Envelope, PermError, expand, read
from tests.dns_server import SILENT
from tests.doctor.judging import asking, codes, look

OURS, OTHER = "192.0.2.10", "198.51.100.7"


def zone(text: str, **more: list[str]) -> dict[str, list[str]]:
    return {"shop.example TXT": [text]} | {name.replace("__", " "): records for name, records in more.items()}


def included(count: int) -> dict[str, list[str]]:
    """A record with so many includes that all exist."""
    names = [f"i{number}.example" for number in range(count)]
    own = "v=spf1 " + " ".join(f"include:{name}" for name in names) + f" ip4:{OURS} -all"
    return {"shop.example TXT": [own]} | {f"{name} TXT": ["v=spf1 ip4:203.0.113.1 -all"] for name in names}


LOOP = {"shop.example TXT": ["v=spf1 include:a.example -all"], "a.example TXT": ["v=spf1 include:shop.example -all"]}
HOSTS = [f"10 m{number}.example." for number in range(11)]

CASES = [
    ("named itself", zone(f"v=spf1 ip4:{OURS} -all"), {"spf_good"}),
    ("named as a network", zone("v=spf1 ip4:192.0.2.0/24 ~all"), {"spf_good"}),
    ("in the record of the relay", zone("v=spf1 include:r.example -all")
        | {"r.example TXT": [f"v=spf1 ip4:{OURS} ~all"]}, {"spf_good"}),
    ("by redirect", zone("v=spf1 redirect=r.example") | {"r.example TXT": [f"v=spf1 ip4:{OURS} -all"]}, {"spf_good"}),
    ("by its own name", zone("v=spf1 a -all") | {"shop.example A": [OURS]}, {"spf_good"}),
    ("by a name and a network", zone("v=spf1 a:h.example/24 -all") | {"h.example A": ["192.0.2.200"]}, {"spf_good"}),
    ("by its mail server", zone("v=spf1 mx -all")
        | {"shop.example MX": ["10 m.example."], "m.example A": [OURS]}, {"spf_good"}),
    ("by a macro", zone("v=spf1 exists:%{ir}.allowed.example -all")
        | {"10.2.0.192.allowed.example A": ["127.0.0.2"]}, {"spf_good"}),
    ("other texts beside it", zone("x") | {"shop.example TXT": ["hello", f"v=spf1 ip4:{OURS} -all", "v=spf10"]},
        {"spf_good"}),
    ("none", {"shop.example TXT": ["hello"]}, {"spf_missing"}),
    ("two", {"shop.example TXT": [f"v=spf1 ip4:{OURS} -all", "v=spf1 -all"]}, {"spf_twice"}),
    ("a word that is none", zone("v=spf1 ipv4:192.0.2.1 -all"), {"spf_broken"}),
    ("a network that is none", zone("v=spf1 ip4:192.0.2.300 -all"), {"spf_broken"}),
    ("a mask that is none", zone("v=spf1 a/33 -all"), {"spf_broken"}),
    ("an include of nothing", zone("v=spf1 include: -all"), {"spf_broken"}),
    ("two redirects", zone("v=spf1 redirect=a.example redirect=b.example"), {"spf_broken"}),
    ("a macro that is none", zone(f"v=spf1 exists:%{{q}}.example ip4:{OURS} -all"), {"spf_broken"}),
    ("an include without a record", zone(f"v=spf1 include:gone.example ip4:{OURS} -all"), {"spf_broken"}),
    ("not named", zone(f"v=spf1 ip4:{OTHER} -all"), {"spf_refused"}),
    ("not named, gently", zone(f"v=spf1 ip4:{OTHER} ~all"), {"spf_refused"}),
    ("refused by name", zone(f"v=spf1 -ip4:{OURS} ip4:192.0.2.0/24 -all"), {"spf_refused"}),
    ("an include that refuses does not match", zone("v=spf1 include:r.example -all")
        | {"r.example TXT": ["v=spf1 -all"]}, {"spf_refused"}),
    ("everybody", zone("v=spf1 +all"), {"spf_all_pass"}),
    ("everybody, in an include", zone("v=spf1 include:r.example -all") | {"r.example TXT": ["v=spf1 all"]},
        {"spf_all_pass"}),
    ("nothing about others", zone(f"v=spf1 ip4:{OURS}"), {"spf_open"}),
    ("seven look-ups", included(7), {"spf_good"}),
    ("eight look-ups", included(8), {"spf_many"}),
    ("ten look-ups", included(10), {"spf_many"}),
    ("eleven look-ups", included(11), {"spf_too_many"}),
    ("two names that do not exist", zone(f"v=spf1 a:x.example a:y.example ip4:{OURS} -all"), {"spf_good"}),
    ("three names that do not exist", zone(f"v=spf1 a:x.example a:y.example mx:z.example ip4:{OURS} -all"),
        {"spf_void"}),
    ("a loop", LOOP, {"spf_loop"}),
    ("itself", zone("v=spf1 include:shop.example -all"), {"spf_loop"}),
    ("eleven mail servers", zone(f"v=spf1 mx ip4:{OURS} -all") | {"shop.example MX": HOSTS}, {"spf_broken"}),
    ("ptr", zone("v=spf1 ptr:shop.example -all") | {"10.2.0.192.in-addr.arpa PTR": ["mail.shop.example."],
        "mail.shop.example A": [OURS]}, {"spf_ptr"}),
    ("a longer name of somebody else", zone(f"v=spf1 ptr:shop.example ip4:{OTHER} -all")
        | {"10.2.0.192.in-addr.arpa PTR": ["mail.workshop.example."], "mail.workshop.example A": [OURS]},
        {"spf_ptr", "spf_refused"}),
    ("64 kB of nonsense", zone("v=spf1 " + "x" * 64_000), {"spf_broken"}),
    ("thousands of networks", zone("v=spf1 " + "ip4:203.0.113.7 " * 4_000 + f"ip4:{OURS} -all"), {"spf_good"}),
    ("control characters", zone("v=spf1 \x00\x1b[31m -all"), {"spf_broken"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "names", "expected"), CASES, ids=[case[0] for case in CASES])
def test_spf_is_judged_as_receivers_do(what, names, expected):
    assert codes(names, "spf", ips=[OURS]) == expected


def test_an_address_of_version_6_is_compared_with_its_own_kind():
    names = zone("v=spf1 a ip6:2001:db8:1::/48 -all") | {"shop.example A": [OURS], "shop.example AAAA": ["2001:db8::5"]}
    assert codes(names, "spf", ips=["2001:db8::5", "2001:db8:1::9", OURS]) == {"spf_good"}
    assert codes(names, "spf", ips=["2001:db8:2::9"]) == {"spf_refused"}


BY_ADDRESS = "v=spf1 include:%{i}.x.example -all"


def behind(count: int) -> dict[str, list[str]]:
    """A record that only this sender is led to, with so many includes of its own."""
    own = "v=spf1 " + " ".join(f"include:i{n}.example" for n in range(count)) + f" ip4:{OURS} -all"
    found = {f"i{n}.example TXT": ["v=spf1 -all"] for n in range(count)}
    return zone(BY_ADDRESS) | {f"{OURS}.x.example TXT": [own]} | found


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (behind(9), {"spf_good"}),
        (behind(10), {"spf_too_many"}),
        (zone("v=spf1 exists:%{i}.a.example exists:%{i}.b.example exists:%{i}.c.example -all"), {"spf_void"}),
        (zone(BY_ADDRESS), {"spf_broken"}),
        (zone("v=spf1 redirect=%{i}.gone.example"), {"spf_broken"}),
        (zone(BY_ADDRESS) | {f"{OURS}.x.example TXT": ["v=spf1 include:%{d} -all"]}, {"spf_too_many"}),
    ],
)
def test_limits_hold_where_only_the_sending_address_shows_what_is_looked_up(names, expected):
    assert codes(names, "spf", ips=[OURS]) == expected


def test_without_known_addresses_limits_count_all_the_same_and_nobody_is_refused():
    assert "spf_too_many" in codes(included(12))
    assert "spf_void" in codes(zone("v=spf1 a:x.example a:y.example mx:z.example -all"))
    assert {"spf_good", "ips_unknown"} <= codes(zone(f"v=spf1 ip4:{OTHER} -all"))


def test_what_the_dns_does_not_answer_is_no_verdict():
    names = zone("v=spf1 include:slow.example -all") | {"slow.example TXT": SILENT}
    found = look(names, ips=[OURS])
    assert "slow.example" in {finding.about for finding in found.findings if finding.code == "not_answered"}
    assert not {finding.code for finding in found.findings if finding.code.startswith("spf")}


def test_the_remedy_holds_the_record_to_publish():
    (refused,) = (one for one in look(zone("v=spf1 ip4:198.51.100.7 -all"), ips=[OURS]).findings
                  if one.code == "spf_refused")  # fmt: skip
    assert refused.record
    assert codes({"shop.example TXT": [refused.record.value]}, "spf", ips=[OURS]) == {"spf_good"}
    (missing,) = (one for one in look({}, ips=[OURS]).findings if one.code == "spf_missing")
    assert missing.record
    assert codes({"shop.example TXT": [missing.record.value]}, "spf", ips=[OURS]) == {"spf_good"}


# The examples of RFC 7208, section 7.4.
SENDER = Envelope(ip=ipaddress.ip_address("192.0.2.3"), sender="strong-bad@email.example.com", helo="mx.example.org")
MACROS = {
    "%{s}": "strong-bad@email.example.com", "%{o}": "email.example.com", "%{d}": "email.example.com",
    "%{d4}": "email.example.com", "%{d2}": "example.com", "%{d1}": "com", "%{dr}": "com.example.email",
    "%{d2r}": "example.email", "%{l}": "strong-bad", "%{l-}": "strong.bad", "%{lr}": "strong-bad",
    "%{lr-}": "bad.strong", "%{l1r-}": "strong",
    "%{ir}.%{v}._spf.%{d2}": "3.2.0.192.in-addr._spf.example.com",
    "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}": "bad.strong.lp.3.2.0.192.in-addr._spf.example.com",
    "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}": "3.2.0.192.in-addr.strong.lp._spf.example.com",
    "%{d2}.trusted-domains.example.net": "example.com.trusted-domains.example.net",
    "a%%b%_c%-d": "a%b c%20d", "%{S}": "strong-bad%40email.example.com",
}  # fmt: skip


@pytest.mark.parametrize("macro", MACROS)
def test_macros_mean_what_the_standard_says(macro):
    assert expand(macro, domain="email.example.com", envelope=SENDER) == MACROS[macro]


def test_macros_know_addresses_of_version_6_and_shorten_long_names_from_the_left():
    six = Envelope(ip=ipaddress.ip_address("2001:db8::cb01"), sender="a@b.example", helo="h.example")
    reverse = "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
    assert expand("%{ir}.%{v}", domain="b.example", envelope=six) == f"{reverse}.ip6"
    long = expand("%{l}.%{d}", domain="b.example", envelope=Envelope(six.ip, "x." * 200 + "y@b.example", "h"))
    assert len(long) <= 253
    assert long.endswith(".y.b.example")


@given(st.text(alphabet=string.printable, max_size=120))
def test_no_record_makes_the_doctor_stumble(text):
    record = f"v=spf1 {text}"
    with suppress(PermError):
        read(record)
    question = ("s.example", "TXT")
    answers, envelope = Answers(asking({"s.example TXT": [record]})({question})), SENDER
    with suppress(PermError, Wanted):
        assert check_host(answers, domain="s.example", envelope=envelope, budget=Budget()) in Verdict
