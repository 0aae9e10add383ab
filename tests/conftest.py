"""Real servers for every test run: PostgreSQL and Valkey from their wheels, on sockets in a temporary folder.

They are started once by the process that was called; the workers of pytest-xdist inherit where they are. Each test that
asks for `database` gets a fresh copy of the migrated template, so tests commit as the product does and share nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import flask
import psycopg
import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from core import db, keys
from core.embedded.postgres import PostgresServer
from core.embedded.valkey import ValkeyServer
from core.settings import settings

# Without compiled files each process of a run would rewrite the assertions of all tests anew, which takes longer than
# most of the tests. Whoever forbids them means the product; here they stand in folders that .gitignore names.
sys.dont_write_bytecode = False

FOLDER = "CRUSOE_TEST_FOLDER"
TEMPLATE = "template_crusoe"

# Tests may lose their data: this makes commits ten times cheaper.
CARELESS = (("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"), ("shared_buffers", "128MB"))


class KeptInMemory(BytecodeCache):
    """Pages are compiled once in a process, not once for each of the hundreds of applications that tests make."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


flask.Flask.jinja_options = flask.Flask.jinja_options | {"bytecode_cache": KeptInMemory()}

# For the databases of all tests that run at the same time.
ENOUGH = 4 << 30

_processes: list[subprocess.Popen[bytes]] = []


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers in the calling process, before any worker exists."""
    if hasattr(config, "workerinput") or FOLDER in os.environ:
        return
    # Tests start dozens of processes; without compiled files each of them would read all sources anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    folder = Path(tempfile.mkdtemp(prefix="crusoe-test-", dir=_in_memory()))
    folder.chmod(0o755)
    os.environ[FOLDER] = str(folder)
    postgres = PostgresServer(data=folder / "postgres", sockets=folder / "run", options=CARELESS)
    _processes.append(postgres.start(log=folder / "postgres.log"))
    valkey = ValkeyServer(data=folder / "valkey", socket=folder / "run" / "valkey.sock")
    _processes.append(valkey.start(log=folder / "valkey.log"))
    postgres.create_database(TEMPLATE)
    _migrate(folder)


def _in_memory() -> Path | None:
    """Memory that looks like a folder, where there is enough: each test copies a database of a thousand files."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ENOUGH:
        return memory
    return None


def _migrate(folder: Path) -> None:
    from app.migrations import upgrade

    os.environ["DATABASE_URL"] = _url(folder, TEMPLATE)
    os.environ["CRUSOE_HOME"] = str(folder / "home")
    settings.cache_clear()
    upgrade()
    del os.environ["DATABASE_URL"]
    settings.cache_clear()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers and remove their folder."""
    if hasattr(config, "workerinput") or not _processes:
        return
    for process in _processes:
        process.terminate()
    for process in _processes:
        process.wait(timeout=30)
    shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


def _url(folder: Path, name: str) -> str:
    return f"postgresql://crusoe@/{name}?host={folder}/run"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation of its own for one test: settings and keys are read anew from a fresh folder."""
    for name in [name for name in os.environ if name.startswith("CRUSOE_") and name != FOLDER]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CRUSOE_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    keys.keys.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()
    keys.keys.cache_clear()


@pytest.fixture
def database(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh, migrated database for one test. Answers its URL."""
    folder = Path(os.environ[FOLDER])
    name = f"test_{uuid4().hex}"
    with psycopg.connect(host=str(folder / "run"), user="crusoe", dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        monkeypatch.setenv("DATABASE_URL", _url(folder, name))
        settings.cache_clear()
        db.forget_engine()
        yield settings().database_url
        db.forget_engine()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def broker(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty Valkey. Tests that run side by side use databases of their own in it."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1
    socket = Path(os.environ[FOLDER]) / "run" / "valkey.sock"
    monkeypatch.setenv("REDIS_URL", f"unix://{socket}?db={number}&virtual_host={number}")
    settings.cache_clear()
    redis.Redis(unix_socket_path=str(socket), db=number).flushdb()
    yield settings().redis_url
    redis.Redis(unix_socket_path=str(socket), db=number).flushdb()


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
