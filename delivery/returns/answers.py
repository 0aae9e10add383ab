"""Telling answers of machines from everything else (RFC 3834): absent people, received notes, challenges."""

import re

from delivery.returns.codes import one_line
from delivery.returns.kinds import ReturnClass, Returned
from delivery.returns.parts import Parts

# Headers that only such answers carry; RFC 3834 has the first, the others are older than it.
_HEADERS = {
    "Auto-Submitted": re.compile(r"^auto-(?:replied|notified)", re.IGNORECASE),
    "X-Autoreply": None,
    "X-Autorespond": None,
    "X-Autoreply-From": None,
    "X-Mail-Autoreply": None,
    "X-AutoReply-From": None,
    "X-Auto-Reply-From": None,
    "Precedence": re.compile(r"^auto[_-]?reply", re.IGNORECASE),
    "X-Precedence": re.compile(r"^auto[_-]?reply", re.IGNORECASE),
    "X-FC-MachineGenerated": None,
    "Delivered-To": re.compile(r"^autoresponder$", re.IGNORECASE),
}
_SUBJECT = re.compile(
    r"^(?:\W|re:|aw:)*(?:auto(?:matic|matische|matisch|mated)?[- ]?(?:re(?:ply|sponse|sponder|spond)|antwort|generated)"
    r"|out of (?:the )?office|abwesenheit|abwesend|ich bin (?:nicht|abwesend)|urlaub|on (?:vacation|holiday|leave)"
    r"|vacation|away from|r[ée]ponse automatique|absence|respuesta autom|risposta automatica|fuori (?:sede|ufficio)"
    r"|resposta autom|автоответ|自动回复|confirm your (?:e-?mail|message)|please confirm|challenge)"
    r"|\b(?:out of office|auto-?reply|autoreply|automatic reply|abwesenheitsnotiz)\b",
    re.IGNORECASE,
)


def read_answer(parts: Parts) -> list[Returned]:
    """One value when a machine wrote this, else nothing."""
    subject = parts.header("Subject")
    by_header = next(
        (name for name, form in _HEADERS.items() if (value := parts.header(name)) and (not form or form.search(value))),
        None,
    )
    if by_header is None and not _SUBJECT.search(subject):
        return []
    sender = re.search(r"[^\s<>\"]{1,64}@[^\s<>\"]{1,255}", parts.header("From"))
    return [
        Returned(
            ReturnClass.AUTO_REPLY,
            recipient=sender.group(0) if sender else None,
            reason=one_line(subject) or None,
            rule=f"answer_{by_header.lower()}" if by_header else "answer_subject",
        )
    ]
