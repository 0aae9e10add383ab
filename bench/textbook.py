"""What others do: the library's message class, dkimpy, smtplib. And how many RSA signatures this machine makes."""

import smtplib
from concurrent.futures import ProcessPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from itertools import repeat
from time import perf_counter

import dkim
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bench.mailing import letter
from bench.smtp_tools import listening

SIGNATURES = 1000
SIGNED = (b"from", b"to", b"subject", b"list-unsubscribe", b"list-unsubscribe-post")


def raw_signatures() -> float:
    """RSA-2048 signatures a second of one process that does nothing else."""
    key = generate_private_key(65537, 2048)
    began = perf_counter()
    for number in range(SIGNATURES):
        key.sign(number.to_bytes(8, "big"), PKCS1v15(), hashes.SHA256())
    return SIGNATURES / (perf_counter() - began)


def textbook(sink: str, many: int, *, processes: int) -> float:
    """Mails a second of so many processes that write, sign and send as textbooks do, `many` each."""
    pem = generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    with listening(sink) as server, ProcessPoolExecutor(processes) as pool:
        list(pool.map(_send, repeat(server.port, processes), repeat(1, processes), repeat(pem, processes)))
        began = perf_counter()
        list(pool.map(_send, repeat(server.port, processes), repeat(many, processes), repeat(pem, processes)))
        return many * processes / (perf_counter() - began)


def _send(port: int, many: int, pem: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number in range(many):
            mail = message(number).as_bytes()
            mail = dkim.sign(mail, b"bench", b"bench.example", pem, include_headers=SIGNED) + mail
            server.sendmail("bounce@bench.example", f"reader{number}@domain.example", mail)


def values(number: int) -> dict[str, object]:
    """What one recipient's mail merges."""
    urls = {f"url_{n}": f"https://mail.bench.example/c/{number:060}" for n in range(8)}
    return urls | {
        "contact": {
            "first_name": f"Jürgen{number}",
            "last_name": "Muster",
            "city": "Graz",
            "country": "DE",
            "number": f"n{number}",
        },
        "unsubscribe_url": f"https://mail.bench.example/u/{number:060}",
        "pixel_url": f"https://mail.bench.example/o/{number:060}",
    }


@cache
def _templates() -> tuple[object, object, object]:
    words, html = letter(), ImmutableSandboxedEnvironment(autoescape=True)
    plain = ImmutableSandboxedEnvironment()
    return plain.from_string(words.subject), html.from_string(words.html), plain.from_string(words.text)


def message(number: int) -> EmailMessage:
    """One mail, rendered by Jinja and put together by the library."""
    subject, html, text = (each.render(values(number)) for each in _templates())  # type: ignore[attr-defined]
    made = EmailMessage(policy=SMTP)
    made["From"] = "Größe & Söhne <news@bench.example>"
    made["To"] = f"reader{number}@domain.example"
    made["Subject"] = subject
    made["Message-ID"] = f"<{number}@bench.example>"
    made["List-Unsubscribe"] = f"<https://mail.bench.example/u/{number:060}>"
    made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(text)
    made.add_alternative(html, subtype="html")
    return made
