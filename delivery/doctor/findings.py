"""What the doctor can find, how bad each is, and where that is written."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is by the standards and by the rules of the large mailbox providers."""

    FAIL = "fail"
    WARN = "warn"
    INFO = "info"
    GOOD = "good"


class Effect(StrEnum):
    """What a finding does to the release of a campaign."""

    BLOCK = "block"
    WARN = "warn"
    INFORM = "inform"


USUAL_EFFECT = {
    Severity.FAIL: Effect.BLOCK,
    Severity.WARN: Effect.WARN,
    Severity.INFO: Effect.INFORM,
    Severity.GOOD: Effect.INFORM,
}

_FAIL, _WARN, _INFO, _GOOD = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.GOOD

# Every code, how bad it is, and its source.
CATALOGUE: dict[str, tuple[Severity, str]] = {
    "not_answered": (_INFO, "RFC 1035"),
    "spf_missing": (_FAIL, "RFC 7208, 4.5"),
    "spf_twice": (_FAIL, "RFC 7208, 4.5"),
    "spf_broken": (_FAIL, "RFC 7208, 4.6"),
    "spf_too_many": (_FAIL, "RFC 7208, 4.6.4"),
    "spf_void": (_FAIL, "RFC 7208, 4.6.4"),
    "spf_loop": (_FAIL, "RFC 7208, 4.6.4"),
    "spf_all_pass": (_FAIL, "RFC 7208, 11.4"),
    "spf_refused": (_FAIL, "RFC 7208, 2.6"),
    "spf_many": (_WARN, "RFC 7208, 4.6.4"),
    "spf_open": (_WARN, "RFC 7208, 4.7"),
    "spf_ptr": (_WARN, "RFC 7208, 5.5"),
    "spf_good": (_GOOD, "RFC 7208"),
    "ips_unknown": (_INFO, "RFC 7208, 4.1"),
    "dkim_missing": (_FAIL, "RFC 6376, 3.6"),
    "dkim_twice": (_FAIL, "RFC 6376, 3.6.2.2"),
    "dkim_revoked": (_FAIL, "RFC 6376, 3.6.1"),
    "dkim_broken": (_FAIL, "RFC 6376, 3.6.1"),
    "dkim_other_key": (_FAIL, "RFC 6376, 3.6.1"),
    "dkim_not_for_mail": (_FAIL, "RFC 6376, 3.6.1"),
    "dkim_short": (_FAIL, "RFC 8301, 3.2"),
    "dkim_key_unusable": (_FAIL, "RFC 6376, 3.3"),
    "dkim_gone_early": (_WARN, "RFC 6376, 3.6.1"),
    "dkim_waiting": (_INFO, "RFC 6376, 3.6.1"),
    "dkim_weak": (_WARN, "RFC 8301, 3.2"),
    "dkim_testing": (_WARN, "RFC 6376, 3.6.1"),
    "dkim_none": (_WARN, "RFC 6376, 3.5"),
    "dkim_good": (_GOOD, "RFC 6376, RFC 8463"),
    "dmarc_missing": (_FAIL, "RFC 9989"),
    "dmarc_twice": (_FAIL, "RFC 9989"),
    "dmarc_broken": (_FAIL, "RFC 9989"),
    "dmarc_unaligned": (_FAIL, "RFC 9989"),
    "dmarc_one_aligned": (_WARN, "RFC 9989"),
    "dmarc_reports_refused": (_WARN, "RFC 9990"),
    "dmarc_only_watching": (_INFO, "RFC 9989"),
    "dmarc_no_reports": (_INFO, "RFC 9990"),
    "dmarc_old_tags": (_INFO, "RFC 9989"),
    "dmarc_good": (_GOOD, "RFC 9989"),
    "aligned_good": (_GOOD, "RFC 9989"),
    "mx_null": (_FAIL, "RFC 7505"),
    "mx_missing": (_FAIL, "RFC 5321, 5.1"),
    "mx_dangling": (_WARN, "RFC 5321, 5.1"),
    "mx_implicit": (_INFO, "RFC 5321, 5.1"),
    "mx_good": (_GOOD, "RFC 5321, 5.1"),
    "ptr_missing": (_FAIL, "RFC 1912, 2.1"),
    "ptr_unconfirmed": (_FAIL, "RFC 1912, 2.1"),
    "ptr_generic": (_WARN, "RFC 1912, 2.1"),
    "ptr_good": (_GOOD, "RFC 1912, 2.1"),
    "mta_sts_broken": (_WARN, "RFC 8461, 3.1"),
    "mta_sts_policy_broken": (_WARN, "RFC 8461, 3.2"),
    "mta_sts_mismatch": (_WARN, "RFC 8461, 4.1"),
    "mta_sts_unread": (_INFO, "RFC 8461, 3.3"),
    "mta_sts_lax": (_INFO, "RFC 8461, 5"),
    "mta_sts_missing": (_INFO, "RFC 8461, 3.1"),
    "mta_sts_good": (_GOOD, "RFC 8461, 3.1"),
    "dane_broken": (_INFO, "RFC 7672, 3.1"),
    "dane_partial": (_INFO, "RFC 7672, 2.2"),
    "dane_missing": (_INFO, "RFC 7672, 2.2"),
    "dane_good": (_GOOD, "RFC 7672"),
    "tls_rpt_broken": (_WARN, "RFC 8460, 3"),
    "tls_rpt_missing": (_INFO, "RFC 8460, 3"),
    "tls_rpt_good": (_GOOD, "RFC 8460, 3"),
    "bimi_broken": (_WARN, "draft-brand-indicators-for-message-identification"),
    "bimi_unenforced": (_WARN, "draft-brand-indicators-for-message-identification"),
    "bimi_missing": (_INFO, "draft-brand-indicators-for-message-identification"),
    "bimi_good": (_GOOD, "draft-brand-indicators-for-message-identification"),
}

# Enough of a record to recognise it; a hostile one may have 64 kB.
LONGEST_FOUND = 500


@dataclass(frozen=True)
class Record:
    """A record to publish, as people type it at their DNS provider."""

    name: str
    type: str
    value: str


@dataclass(frozen=True)
class Finding:
    """One thing about a domain, an address or a key. `about` names it; `found` is the record that was there."""

    code: str
    about: str
    message: str
    remedy: str = ""
    found: str = ""
    record: Record | None = None

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return CATALOGUE[self.code][0]

    @property
    def source(self) -> str:
        """Where that is written."""
        return CATALOGUE[self.code][1]


def cut(text: str) -> str:
    """A record as far as it is shown."""
    return text if len(text) <= LONGEST_FOUND else f"{text[:LONGEST_FOUND]}…"
