"""Servers and what a domain says about TLS and its logo."""

import pytest

from tests.dns_server import SILENT
from tests.doctor.judging import codes, look

IP, PTR = "192.0.2.10", "10.2.0.192.in-addr.arpa PTR"

STS = {"_mta-sts.shop.example TXT": ["v=STSv1; id=20261122"], "shop.example MX": ["10 m.example."]}
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: m.example\r\nmax_age: 86400\r\nlater: unknown\r\n"

CASES = [
    ("a name and back", {PTR: ["mail.shop.example."], "mail.shop.example A": [IP]}, {"ptr_good"}),
    ("one of several", {PTR: ["x.example.", "mail.shop.example."], "mail.shop.example A": [IP]}, {"ptr_good"}),
    ("no name", {}, {"ptr_missing"}),
    ("a name of somebody else", {PTR: ["mail.shop.example."], "mail.shop.example A": ["192.0.2.11"]},
        {"ptr_unconfirmed"}),
    ("a name that is not there", {PTR: ["mail.shop.example."]}, {"ptr_unconfirmed"}),
    ("a line of a household", {PTR: ["dyn-192-0-2-10.isp.example."], "dyn-192-0-2-10.isp.example A": [IP]},
        {"ptr_generic"}),
    ("silence", {PTR: SILENT, "shop.example MX": ["10 m.example."]}, set()),
    ("takes mail", {"shop.example MX": ["10 m.example."], "m.example A": [IP]}, {"mx_good"}),
    ("takes mail by version 6", {"shop.example MX": ["10 m.example."], "m.example AAAA": ["2001:db8::1"]},
        {"mx_good"}),
    ("null MX", {"shop.example MX": ["0 ."]}, {"mx_null"}),
    ("no MX", {"shop.example A": [IP]}, {"mx_implicit"}),
    ("nothing at all", {}, {"mx_missing"}),
    ("servers without addresses", {"shop.example MX": ["10 m.example."]}, {"mx_missing"}),
    ("one server without an address", {"shop.example MX": ["10 m.example.", "20 n.example."], "m.example A": [IP]},
        {"mx_dangling"}),
    ("hundreds of servers", {"shop.example MX": [f"10 m{n}.example." for n in range(100)]}, {"mx_missing"}),
    ("policy", {**STS, "mta-sts.shop.example mta-sts.txt": [POLICY]}, {"mta_sts_good"}),
    ("a policy for any server", {**STS, "mta-sts.shop.example mta-sts.txt": [POLICY.replace("mx: m.", "mx: *.")]},
        {"mta_sts_good"}),
    ("a policy that names another server", {**STS, "shop.example MX": ["10 m.example.", "20 a.b.example."],
        "mta-sts.shop.example mta-sts.txt": [POLICY + "mx: *.example"]}, {"mta_sts_mismatch"}),
    ("a policy that only watches", {**STS, "mta-sts.shop.example mta-sts.txt": [POLICY.replace("enforce", "testing")]},
        {"mta_sts_lax"}),
    ("a policy of nothing", {**STS, "mta-sts.shop.example mta-sts.txt": ["version: STSv1\nmode: none\nmax_age: 1"]},
        {"mta_sts_lax"}),
    ("a policy without servers", {**STS, "mta-sts.shop.example mta-sts.txt": [POLICY.replace("mx:", "my:")]},
        {"mta_sts_policy_broken"}),
    ("a policy for ever", {**STS, "mta-sts.shop.example mta-sts.txt": [POLICY.replace("86400", "31557601")]},
        {"mta_sts_policy_broken"}),
    ("a page that is no policy", {**STS, "mta-sts.shop.example mta-sts.txt": ["<html>"]}, {"mta_sts_policy_broken"}),
    ("no policy behind the record", STS, {"mta_sts_policy_broken"}),
    ("a web server that is silent", {**STS, "mta-sts.shop.example mta-sts.txt": SILENT}, {"mta_sts_unread"}),
    ("no policy", {}, {"mta_sts_missing"}),
    ("two policies", {"_mta-sts.shop.example TXT": ["v=STSv1; id=1", "v=STSv1; id=2"]}, {"mta_sts_broken"}),
    ("a policy without id", {"_mta-sts.shop.example TXT": ["v=STSv1;"]}, {"mta_sts_broken"}),
    ("certificates", {"shop.example MX": ["10 m.example.", "20 n.example."],
        **{f"_25._tcp.{host}.example TLSA": [f"3 1 1 {'ab' * 32}"] for host in "mn"}}, {"dane_good"}),
    ("the whole certificate", {"shop.example MX": ["10 m.example."], "_25._tcp.m.example TLSA": ["2 0 0 30820a"]},
        {"dane_good"}),
    ("no certificates", {"shop.example MX": ["10 m.example."]}, {"dane_missing"}),
    ("certificates of some", {"shop.example MX": ["10 m.example.", "20 n.example."],
        "_25._tcp.m.example TLSA": [f"3 1 1 {'ab' * 32}"]}, {"dane_partial"}),
    ("a usage that mail does not know", {"shop.example MX": ["10 m.example."],
        "_25._tcp.m.example TLSA": [f"1 1 1 {'ab' * 32}"]}, {"dane_broken"}),
    ("a digest that is too short", {"shop.example MX": ["10 m.example."],
        "_25._tcp.m.example TLSA": ["3 1 1 abab", f"3 1 2 {'ab' * 32}"]}, {"dane_broken"}),
    ("one of two records is usable", {"shop.example MX": ["10 m.example."],
        "_25._tcp.m.example TLSA": ["0 0 1 abab", f"3 1 2 {'ab' * 64}"]}, {"dane_good"}),
    ("TLS reports", {"_smtp._tls.shop.example TXT": ["v=TLSRPTv1; rua=mailto:a@shop.example,https://r.example/x"]},
        {"tls_rpt_good"}),
    ("no TLS reports", {}, {"tls_rpt_missing"}),
    ("TLS reports to nobody", {"_smtp._tls.shop.example TXT": ["v=TLSRPTv1; rua=ftp://x"]}, {"tls_rpt_broken"}),
    ("no logo", {}, {"bimi_missing"}),
    ("a logo over HTTP", {"default._bimi.shop.example TXT": ["v=BIMI1; l=http://shop.example/l.svg"]},
        {"bimi_broken"}),
    ("a logo that nobody shows", {"default._bimi.shop.example TXT": ["v=BIMI1; l=https://shop.example/l.svg"]},
        {"bimi_unenforced"}),
    ("a logo", {"default._bimi.shop.example TXT": ["v=BIMI1; l=https://shop.example/l.svg"],
        "_dmarc.shop.example TXT": ["v=DMARC1; p=reject"]}, {"bimi_good"}),
    ("a logo that is declined", {"default._bimi.shop.example TXT": ["v=BIMI1; l=; a="]}, {"bimi_good"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "names", "expected"), CASES, ids=[case[0] for case in CASES])
def test_servers_and_policies_are_judged(what, names, expected):
    prefix = next(iter(expected), "ptr").partition("_")[0]
    assert codes(names, prefix, ips=[IP]) == expected


def test_every_domain_that_has_to_take_mail_is_looked_at():
    found = look({"shop.example MX": ["0 ."]}, return_domain="b.shop.example", reply_domain="help.example")
    assert {one.about for one in found.findings if one.code in {"mx_missing", "mx_null"}} == {
        "shop.example", "b.shop.example", "help.example",
    }  # fmt: skip
