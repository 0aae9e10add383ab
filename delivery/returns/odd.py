"""Bounces in no standard form: who is meant comes from `flufl.bounce`, what is meant from the words around it."""

import re
from dataclasses import dataclass

from delivery.returns.codes import one_line, reply_in, status_in
from delivery.returns.kinds import Action, ReturnClass, Returned
from delivery.returns.parts import Parts
from delivery.returns.rules import judge

MOST_RECIPIENTS = 100
LONGEST_WORDS = 20_000

# Where the returned mail begins in a report without parts.
_RETURNED = re.compile(
    r"^.{0,10}[-=|_*> ]{0,80}\s{0,5}(?:this is a copy of|(?:here is|included is|below is|attached is) a copy|"
    r"(?:below|next) (?:this|the) (?:next )?line|(?:original|unsent|returned|forwarded) (?:message|mail)|"
    r"message (?:header|text|body)s? follow|start of returned message|header of the (?:source|original)|"
    r"the header (?:and|of)|below the next line|a copy of the original|mensaje original|urspr.ngliche nachricht|"
    r"the original message follows|a summary of the undelivered|message headers follow|original message headers|"
    r"returned mail follows|the first \d+ lines of your|old message:|your message reads)",
    re.IGNORECASE | re.MULTILINE,
)
_SENDERS = re.compile(
    r"mailer-?daemon|postmaster|mail(?:er)? ?(?:delivery|administrator)|delivery (?:sub)?system|^$|<>|mdaemon"
    r"|mail-?daemon|smtp|mailadmin|virus|imss|inetgw|system administrator|no-?reply|bounce|\bndr\b",
    re.IGNORECASE,
)
_SUBJECTS = re.compile(
    r"undeliver|not (?:be )?deliver|deliver\w* (?:fail|status|problem|report|notif|error|unsuccess)"
    r"|fail(?:ure|ed)? (?:notice|mail|deliver)|mail (?:error|fail|deliver|system error)|returned mail|returning message"
    r"|non[- ]?(?:delivery|remis)|mail not|unzustellbar|nicht zugestellt|permanent|error|failed mail|bounce"
    r"|rejected mail|warning: message|delayed",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[^\s<>\"':;,()\[\]=]{1,64}@[^\s<>\"':;,()\[\]=]{1,255}")


@dataclass(frozen=True)
class Found:
    """Addresses that a report says something about; `delayed`: it is still tried."""

    addresses: tuple[str, ...]
    delayed: bool


def read_odd(parts: Parts) -> list[Returned]:
    """One value for each recipient that is named, or one without when it is a report that names none."""
    found = _named_in_header(parts) or _recognised(parts)
    words = _words(parts)
    if found is None:
        return [_returned(None, words, words, delayed=False, parts=parts)] if _is_report(parts, words) else []
    pieces = _around(found.addresses, words)
    return [
        _returned(address, pieces.get(address, ""), words, delayed=found.delayed, parts=parts)
        for address in found.addresses[:MOST_RECIPIENTS]
    ]


def _named_in_header(parts: Parts) -> Found | None:
    """Exim and Gmail name them in a header of their own."""
    addresses = _ADDRESS.findall(parts.header("X-Failed-Recipients"))
    return Found(tuple(dict.fromkeys(addresses)), delayed=False) if addresses else None


def _recognised(parts: Parts) -> Found | None:
    from flufl.bounce import all_failures

    try:
        temporary, permanent = all_failures(parts.message)
    except Exception:  # noqa: BLE001 - two dozen detectors written for real mails; a hostile one may break any of them
        return None
    addresses = permanent or temporary
    named = sorted(one.decode("utf-8", "replace") for one in addresses if b"@" in one)
    return Found(tuple(named), delayed=not permanent) if named else None


def _words(parts: Parts) -> str:
    """What the reporting server wrote, without the mail that it returns."""
    text = parts.text[:LONGEST_WORDS]
    end = _RETURNED.search(text)
    kept = text[: end.start()] if end and end.start() > len("Hi.") else text
    return "\n".join((kept, *parts.reports))


def _is_report(parts: Parts, words: str) -> bool:
    sender, subject = parts.header("From"), parts.header("Subject")
    empty = parts.header("Return-Path").strip() == "<>"
    kind = parts.message.get_content_type()
    likely = bool(_SENDERS.search(sender)) + bool(_SUBJECTS.search(subject)) + empty + (kind == "multipart/report")
    # Two signs out of four: people write of errors too, and postmasters write letters.
    return likely > 1 and judge(status=None, reply=None, words=f"{subject} {words}") is not None


def _around(addresses: tuple[str, ...], words: str) -> dict[str, str]:
    """The words that belong to each address: from where it is named to where the next one is."""
    low = words.lower()
    starts = sorted((at, one) for one in addresses if (at := low.find(one.lower())) >= 0)
    ends = [*(at for at, _ in starts[1:]), len(words)][: len(starts)]
    return {one: words[at:end] for (at, one), end in zip(starts, ends, strict=True)}


def _returned(address: str | None, near: str, all_words: str, *, delayed: bool, parts: Parts) -> Returned:
    subject = parts.header("Subject")
    for words in (near, all_words, f"{subject} {all_words}"):
        rule = judge(status=status_in(words), reply=reply_in(words), words=words)
        if rule is not None and not rule.name.startswith(("unnamed", "said")):
            break
    kind = rule.kind if rule else ReturnClass.SOFT
    if delayed and kind is ReturnClass.HARD:
        kind = ReturnClass.SOFT
    said = near if status_in(near) or reply_in(near) else all_words
    return Returned(
        kind=kind,
        status=status_in(said),
        reply_code=reply_in(said),
        recipient=address,
        reason=one_line(near or all_words) or None,
        action=Action.DELAYED if delayed else Action.FAILED,
        rule=rule.name if rule else "odd_unnamed",
    )
