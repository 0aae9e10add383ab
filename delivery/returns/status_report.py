"""Reading a delivery status notification (RFC 3464): one value for each recipient that it reports on."""

import re
from collections.abc import Iterator, Mapping

from delivery.returns.codes import is_vague, one_line, reply_in, status_in
from delivery.returns.kinds import Action, ReturnClass, Returned
from delivery.returns.parts import Parts
from delivery.returns.rules import Rule, judge

MOST_RECIPIENTS = 100
_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{0,60})[ \t]*:[ \t]*(.*)$")
_ADDRESS = re.compile(r"[^\s<>;,\"']{1,64}@[^\s<>;,\"']{1,255}")
_ABOUT_A_RECIPIENT = ("final-recipient", "original-recipient", "action", "status", "diagnostic-code")

_ACTIONS = {
    "fail": Action.FAILED,
    "error": Action.FAILED,
    "delay": Action.DELAYED,
    "deliver": Action.DELIVERED,
    "relay": Action.RELAYED,
    "expand": Action.EXPANDED,
}

# What a delay or a success can never be.
_DONE = frozenset({Action.DELIVERED, Action.RELAYED, Action.EXPANDED})


def read_status_report(parts: Parts) -> list[Returned]:
    """What the reports in this mail say; nothing when none of them names a recipient, an action or a status."""
    found = []
    for report in parts.reports:
        for block in _recipients(report):
            found.append(_returned(block, parts))
            if len(found) >= MOST_RECIPIENTS:
                return found
    return found


def _recipients(report: str) -> Iterator[dict[str, str]]:
    """The groups of fields about single recipients. The first group is about the mail, unless a server joined them."""
    for group in re.split(r"\n[ \t]*\r?\n", report.replace("\r\n", "\n")):
        fields = _fields(group)
        if any(name in fields for name in ("final-recipient", "original-recipient")) or (
            "action" in fields and "status" in fields
        ):
            yield fields


def _fields(group: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = None
    for line in group.split("\n"):
        named = _FIELD.match(line)
        if named:
            last = named.group(1).lower()
            # A report that says something twice is believed the first time.
            fields.setdefault(last, named.group(2).strip())
        elif last in _ABOUT_A_RECIPIENT and line[:1] in {" ", "\t"}:
            fields[last] = f"{fields[last]} {line.strip()}"
    return fields


def _returned(fields: Mapping[str, str], parts: Parts) -> Returned:
    diagnosis = _typed(fields.get("diagnostic-code", ""))
    noted = fields.get("status", "")
    # Some servers write the reason into a comment after the status or the action.
    said = one_line(" ".join((diagnosis, _rest(noted), _rest(fields.get("action", "")))))
    status = _better(status_in(noted), status_in(diagnosis))
    reply = reply_in(diagnosis) or reply_in(noted)
    action = _action(fields.get("action", ""))
    recipient = _address(fields.get("final-recipient", "")) or _address(fields.get("original-recipient", ""))
    original = _address(fields.get("original-recipient", ""))
    rule, said = _judged(status, reply, said, parts)
    kind = _kind(action, rule)
    return Returned(
        kind=kind,
        status=status,
        reply_code=reply,
        recipient=original or recipient,
        reason=said or None,
        action=action,
        rule=rule.name if rule else None,
    )


def _judged(status: str | None, reply: int | None, said: str, parts: Parts) -> tuple[Rule | None, str]:
    """By what the report says; where that is nothing, also by what is written for people."""
    rule = judge(status=status, reply=reply, words=said)
    if rule is not None and not rule.name.startswith(("unnamed", "status_for_good")):
        return rule, said
    written = one_line(parts.text)
    told = judge(status=status, reply=reply_in(written) or reply, words=f"{said} {written}") if written else None
    if told is None or told.name.startswith("unnamed"):
        return rule or told, said or written
    return told, said or written


def _kind(action: Action, rule: Rule | None) -> ReturnClass:
    if action in _DONE:
        return ReturnClass.UNKNOWN
    kind = rule.kind if rule else ReturnClass.SOFT
    # The server still tries: whatever it met so far, it is not the end.
    return ReturnClass.SOFT if action is Action.DELAYED and kind is ReturnClass.HARD else kind


def _action(text: str) -> Action:
    word = text.strip().lower()
    return next((action for begin, action in _ACTIONS.items() if word.startswith(begin)), Action.FAILED)


def _better(status: str | None, diagnosed: str | None) -> str | None:
    """The status of the server that refused, where the reporting one says less."""
    return diagnosed if diagnosed and is_vague(status) else status


def _typed(text: str) -> str:
    """The text of a field of the form `type; text`."""
    kind, mark, rest = text.partition(";")
    return rest.strip() if mark and re.fullmatch(r"[\w.-]{1,40}", kind.strip()) else text.strip()


def _rest(text: str) -> str:
    return re.sub(r"^(?:[245]\.\d{1,3}\.\d{1,3}|[245]\d\d|[A-Za-z]+)\b", "", text.strip()).strip(" ()")


def _address(text: str) -> str | None:
    found = _ADDRESS.search(_typed(text))
    return found.group(0).strip(".") if found else None
