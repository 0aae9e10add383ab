"""A campaign as campaigns are: people who agreed, a newsletter of ordinary size, two senders, and a planned run."""

import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import insert, select, text

from contacts.models import Controller, Endpoint, TrackingLevel
from core.db import engine, transaction
from core.settings import settings
from delivery import open_run, pause_run, plan
from delivery.models import Sender
from templates import Compiled

SELECTOR = "bench"
# What the test message has on the wire, signature included.
BYTES = 26_000
WORDS = ("Herbst", "Sparen", "Zinsen", "Konto", "Beratung", "Termin", "Filiale", "größer", "schöner", "für", "über")

FILL = """
    INSERT INTO contact (number, first_name, last_name, country, kind, fields)
    SELECT 'n' || n, 'Jürgen' || n, 'Muster', 'DE', 'b2c', '{"city": "Graz"}' FROM generate_series(1, :size) AS n;

    INSERT INTO address (key, domain_key)
    SELECT sha256(CAST('a' || n AS bytea)), sha256(CAST('d' || n % 5000 AS bytea)) FROM generate_series(1, :size) AS n;

    INSERT INTO endpoint (contact_id, channel, address_id, value)
    SELECT n, 'email', n, 'reader' || n || '@domain' || n % 5000 || '.example' FROM generate_series(1, :size) AS n;

    INSERT INTO consent (address_id, controller_id, channel, purpose, basis, requested_at, confirmed_at)
    SELECT n, :controller, 'email', 'newsletter', 'double_opt_in', now() - interval '40 days',
      now() - interval '40 days'
    FROM generate_series(1, :size) AS n;

    INSERT INTO recipient_choice (address_id, tracking)
    SELECT n, 'individual' FROM generate_series(1, :size) AS n
"""


def draw_key() -> None:
    """A signing key of the usual strength."""
    key = rsa.generate_private_key(65537, 2048)
    path = settings().home / "dkim" / f"{SELECTOR}.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(*form))


def letter() -> Compiled:
    """A newsletter as newsletters are: 19 KB of HTML with styles at every cell, eight links, fields, a condition."""
    words = WORDS
    cell = '<td style="padding:12px 24px;font-family:Arial,sans-serif;font-size:14px;line-height:21px;color:#333333">'
    blocks = [
        f"<tr>{cell}{' '.join(words[(n + k) % len(words)] for k in range(110))} "
        f'<a href="{{{{ url_{n} }}}}" style="color:#0055aa">mehr {n}</a></td></tr>'
        for n in range(8)
    ]
    filler = f"<tr>{cell}{' '.join(words) * 2}</td></tr>" * 18
    html = (
        "<!doctype html><html><body><table>"
        "<tr><td>Hallo {{ contact.first_name }} {{ contact.last_name }} aus {{ contact.city }}</td></tr>"
        "{% if contact.country == 'DE' %}<tr><td>Nur in Deutschland: {{ contact.number }}</td></tr>{% endif %}"
        f"{''.join(blocks)}{filler}"
        '<tr><td><a href="{{ unsubscribe_url }}">abmelden</a></td></tr></table>'
        '{% if pixel_url %}<img src="{{ pixel_url }}" width="1" height="1" alt="">{% endif %}</body></html>'
    )
    plain = "Hallo {{ contact.first_name }},\n\n" + "\n".join(f"{' '.join(words)} {{{{ url_{n} }}}}" for n in range(8))
    return Compiled(
        locale="de",
        subject="Für Sie, {{ contact.first_name }}: {{ contact.number }}",
        html=html,
        text=plain + "\n\n{{ unsubscribe_url }}\n",
        links=tuple(f"https://shop.example/angebot/{n}" for n in range(8)),
        fields=("first_name", "last_name", "city", "country", "number"),
    )


def fill(size: int) -> tuple[int, int]:
    """People who agreed, and two senders: one that signs, one whose relay does. Answers the ids of both."""
    with transaction() as session:
        controller = session.scalars(select(Controller.id)).first()
        if controller is None:
            row = insert(Controller).values(code="bench", name="Bench", imprint="Bench, Wien", country="AT")
            controller = session.scalars(row.returning(Controller.id)).one()
        for statement in FILL.split(";"):
            session.execute(text(statement), {"size": size, "controller": controller})
        common = {
            "controller_id": controller,
            "from_name": "Größe & Söhne",
            "from_address": "news@bench.example",
            "return_domain": "bounce.bench.example",
        }
        rows = [
            common | {"code": "signs", "dkim_selector": SELECTOR},
            common | {"code": "relay", "dkim_selector": None},
        ]
        signing, plain = session.scalars(insert(Sender).returning(Sender.id, sort_by_parameter_order=True), rows)
    autocommit("VACUUM ANALYZE")
    return signing, plain


def autocommit(statement: str) -> None:
    """Run a statement that no transaction may hold."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def planned(sender_id: int) -> int:
    """A run with its whole audience on record, waiting; in a ledger that is empty but for it."""
    audience = select(Endpoint.contact_id, Endpoint.id.label("endpoint_id"), Endpoint.address_id)
    with transaction() as session:
        session.execute(text("TRUNCATE message, exposure, event CASCADE"))
        run_id = open_run(
            session,
            name=f"bench-{secrets.token_hex(4)}",
            sender_id=sender_id,
            purpose="newsletter",
            tracking=TrackingLevel.INDIVIDUAL,
            compiled=letter(),
        )
        pause_run(session, run_id=run_id, reason="bench")
    done = False
    while not done:
        with transaction() as session:
            done = plan(session, run_id=run_id, audience=audience).done
    autocommit("VACUUM ANALYZE message")
    autocommit("CHECKPOINT")
    return run_id
