"""S6: a mail from its values to the bytes that leave, against Jinja and the library's message class.

Both sides merge the same wording with the same values, and the library must read the same text out of both.
"""

import email
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from time import perf_counter
from typing import Any

from bench.mailing import letter
from bench.result import Measured
from bench.textbook import message, values
from delivery.compose import From, Letter, compose
from templates import Urls, render_quoted

SIZE = 200
FASTER = 10
SENDER = From(name="Größe & Söhne", address="news@bench.example", return_domain="bounce.bench.example")


def measure(*, rounds: int, size: int | None) -> list[Measured]:
    """Answers S6 in seconds for each mail."""
    many = min(size or SIZE, SIZE)
    _compare()
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_seconds(_ours, many * FASTER))
        theirs.append(_seconds(lambda number: message(number).as_bytes(), many))
    return [Measured("S6", ours=ours, yardstick=theirs, unit="s/mail", note=f"{many:,} mails by the library")]


def _seconds(write: Any, many: int) -> float:
    began = perf_counter()
    for number in range(many):
        write(number)
    return (perf_counter() - began) / many


def _ours(number: int) -> bytes:
    merged = values(number)
    urls = Urls(
        links=[str(merged[f"url_{n}"]) for n in range(8)],
        unsubscribe=str(merged["unsubscribe_url"]),
        preferences="",
        why="",
        pixel=str(merged["pixel_url"]),
    )
    content = render_quoted(_WORDS, values={"contact": merged["contact"], "basis": "consent"}, urls=urls)
    made = Letter(
        message_id=number,
        recipient=f"reader{number}@domain.example",
        content=content,
        unsubscribe_url=urls.unsubscribe,
        feedback_id="1:newsletter:1:bench",
    )
    return compose(made, sender=SENDER, at=datetime.now(UTC)).content


_WORDS = letter()


def _compare() -> None:
    ours, theirs = (_read(mail) for mail in (_ours(7), message(7).as_bytes()))
    assert ours == theirs, "the two sides do not say the same"


def _read(mail: bytes) -> tuple[str, ...]:
    found = email.message_from_bytes(mail, _class=EmailMessage, policy=SMTP)
    parts = (found.get_body((kind,)) for kind in ("plain", "html"))
    bodies = [part.get_content().rstrip("\r\n") for part in parts if part is not None]
    return str(found["Subject"]), *(body.replace("\r\n", "\n") for body in bodies)
