"""F15: a real Postfix takes our mail, the next server refuses it, and the reports come back and are understood."""

import time
from contextlib import ExitStack

import pytest

from bench.postfix import NEEDS_ROOT, relay
from core.permissions import Role
from core.settings import settings
from delivery.signing.models import Algorithm
from tests.app.test_returns import receiving
from tests.campaigns.planning import somebody
from tests.delivery.sending import campaign, numbers, rows, worker
from tests.signing.test_keys import drawn, published, verified
from tests.smtp_sink import Action, Sink, say

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

# What the next server says at RCPT or after the body, and what we must make of it.
REFUSALS = {
    "p0@mail.example": ("RCPT", say(550, "5.1.1 <p0@mail.example>: no such user"), "hard", "5.1.1"),
    "p1@mail.example": ("RCPT", say(552, "5.2.2 mailbox full"), "mailbox_full", "5.2.2"),
    "p2@mail.example": ("DOT", say(550, "5.7.1 message refused by policy"), "policy", "5.7.1"),
}
DOMAIN = "bounce.shop.example"


def moods(verb: str, recipient: str, _count: int) -> Action | None:
    when, answer, *_ = REFUSALS.get(recipient, ("", None))
    return answer if verb == when else None


def returned() -> list[tuple[str, str, str, bool]]:
    """Recipient, class, status, and whether the report was believed."""
    found = rows("""
        SELECT e.value, r.class, r.status, m.message_id IS NOT NULL AND r.matches AS believed
        FROM returned AS r JOIN returned_mail AS m ON m.id = r.mail_id LEFT JOIN endpoint AS e USING (address_id)
        ORDER BY e.value
    """)
    return [tuple(row) for row in found]


def test_what_a_real_postfix_returns_is_believed_and_classified(database, home, monkeypatch):
    with ExitStack() as stack:
        sink = stack.enter_context(Sink(moods))
        port = stack.enter_context(receiving("lmtp"))
        onwards = {"next_hop": sink.url.rpartition(":")[2], "returns": port, "return_domain": DOMAIN}
        postfix = stack.enter_context(relay(onwards))
        if postfix is None:
            pytest.skip(NEEDS_ROOT)
        monkeypatch.setenv("CRUSOE_SMTP_URL", postfix.url)
        settings.cache_clear()
        boss = somebody(Role.COMPLIANCE, "boss")
        selectors = [drawn(boss, algorithm=kind).selector for kind in (Algorithm.RSA2048, Algorithm.ED25519)]
        run_id = campaign(5)
        sending = worker()
        while sending.step():
            pass
        sending.close()
        # Postfix answered for all of them; what becomes of them it learns later than we do.
        assert numbers(run_id) == {"audience": 5, "sent": 5}
        until = time.monotonic() + 60
        while (len(returned()) < len(REFUSALS) or len(sink.taken) < 2) and time.monotonic() < until:
            time.sleep(0.2)
        log = postfix.log.read_text(errors="replace")
    assert returned() == [(who, kind, status, True) for who, (_, _, kind, status) in sorted(REFUSALS.items())], log
    assert sorted(one.recipient for one in sink.taken) == ["p3@mail.example", "p4@mail.example"]
    # It added lines above ours and moved none: what receivers check still holds.
    assert [verified(one.content, published()) for one in sink.taken] == [selectors] * 2
    # Only who is not there is never written to again; what others refused says nothing about the person.
    assert rows("SELECT e.value, s.cause FROM suppression_entry AS s JOIN endpoint AS e USING (address_id)") == [
        ("p0@mail.example", "hard_bounce")
    ]
