"""What the tests of delivery share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.settings import settings
from tests.smtp_sink import Behaviour, Sink


@pytest.fixture
def listen(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sink]]:
    """Start a mail server that behaves as told and let all mail go to it."""
    with ExitStack() as running:

        def start(
            behaviour: Behaviour = lambda _verb, _recipient, _count: None,
            *,
            connections: int = 4,
            query: str = "",
            **options: object,
        ) -> Sink:
            made = running.enter_context(Sink(behaviour, **options))  # type: ignore[arg-type]
            monkeypatch.setenv("CRUSOE_SMTP_URL", f"{made.url}?connections={connections}{query}")
            settings.cache_clear()
            return made

        yield start


@pytest.fixture
def sink(listen: Callable[..., Sink]) -> Sink:
    """A mail server that takes everything."""
    return listen()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
