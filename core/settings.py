"""The one place that reads the environment."""

import os
from datetime import time
from enum import StrEnum
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import quote

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

# A UNIX socket path may have 107 bytes on Linux and 103 on macOS; PostgreSQL adds "/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 85

LAST_PORT = 65535


class Mode(StrEnum):
    """`production` refuses to start with missing or generated-on-the-fly secrets."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Approvals(StrEnum):
    """Who has to agree to a campaign: by what it risks also compliance, or always one other person."""

    BY_RISK = "by_risk"
    ONE = "one"


class Settings(BaseSettings):
    """Everything that an operator may decide from outside. Names: `CRUSOE_` + the field, in capitals."""

    model_config = SettingsConfigDict(env_prefix="CRUSOE_", frozen=True, extra="ignore", populate_by_name=True)

    home: Path = Path("var")
    mode: Mode = Mode.DEVELOPMENT
    external_database_url: str | None = Field(None, validation_alias=AliasChoices("DATABASE_URL"))
    external_redis_url: str | None = Field(None, validation_alias=AliasChoices("REDIS_URL"))
    smtp_url: str | None = None
    base_url: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=LAST_PORT)
    inbox_port: int | None = Field(None, ge=1, le=LAST_PORT)
    workers: int = Field(2, ge=1, le=64)
    # Seconds before a mail that a server put off is tried for the second time; later pauses are multiples of it.
    retry_after: float = Field(60, gt=0, le=3600)
    # Whether mails are signed eight at once where libcrypto_mb is installed and the processor can (AVX-512 IFMA).
    multi_buffer: bool = True
    # Whom the sender doctor asks about domains, as `address` or `address:port`; else the resolver of the system.
    resolver: str | None = None
    # Whether it is asked who runs the mailboxes of recipients' domains (MX), so that limits of operators count them.
    operator_lookups: bool = True
    # Addresses from which mail leaves where a relay sends it on, with commas; the doctor compares them with SPF.
    sending_ips: str | None = None
    # By what a campaign risks compliance has to agree to it, too; from so many recipients on, whatever else it is.
    approvals: Approvals | None = None
    approval_most: int = Field(50_000, ge=1)
    # Megabytes of a file that is imported in the browser; the command line has no limit.
    import_limit: int = Field(2048, ge=1)
    # Do-not-contact lists that are asked, not loaded: where, and who asks. Without keys they are never asked.
    ecg_url: str = "https://ecg.rtr.at/dev/api/v1/emails/check/batch"
    ecg_api_key: str | None = None
    robinson_url: str = "https://api.listarobinson.es/v1/api/user"
    robinson_access_key: str | None = None
    robinson_secret_key: str | None = None
    # A service for time stamps (RFC 3161) that is asked to stamp anchors, and a file with the roots it must go back to.
    timestamp_url: str | None = None
    timestamp_ca: Path | None = None

    # What comes back: where to take it in, as `lmtp://host:port` or `smtp://host:port`, and which mailbox to look into,
    # as `imaps://user:password@host/folder`. `returns_piped`: a mail server hands it to `crusoe bounce intake`.
    returns_listen: str | None = None
    returns_mailbox: str | None = None
    returns_piped: bool = False
    # An address that is full or fails for a while is given up after so many failures of as many campaigns, at least so
    # many days from first to last, of those of the last days that count, with nothing that arrived between.
    soft_bounces: int = Field(3, ge=2, le=20)
    soft_bounce_days: int = Field(15, ge=1, le=365)
    soft_bounce_window: int = Field(90, ge=2, le=365)

    # From this part of what was handed over on, messages in doubt are an alarm.
    unknown_alarm: float = Field(0.02, gt=0, le=1)
    # Backups: who may open them (public keys, with commas), where they go, when one is made by itself (hour and minute,
    # UTC), and how many of them stay.
    backup_recipients: str | None = None
    backup_folder: Path | None = None
    # Where the key material goes when it shall not lie in the backup.
    backup_keys: Path | None = None
    backup_at: time | None = None
    backup_keep: int = Field(14, ge=1)

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @property
    def approvals_needed(self) -> Approvals:
        """What was chosen; else by risk in production, and one other person where people try things out."""
        usual = Approvals.BY_RISK if self.mode is Mode.PRODUCTION else Approvals.ONE
        return self.approvals or usual

    @property
    def socket_folder(self) -> Path:
        """Where the embedded servers put their sockets: in the home, or in /tmp when its path is too long."""
        inside = self.home / "run"
        if len(str(inside).encode()) <= LONGEST_SOCKET_FOLDER:
            return inside
        return Path(gettempdir()) / f"crusoe-{sha256(str(self.home).encode()).hexdigest()[:12]}"

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of PostgreSQL: `DATABASE_URL`, else the embedded server of this home."""
        if self.external_database_url:
            scheme, _, rest = self.external_database_url.partition("://")
            return (
                f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else self.external_database_url
            )
        return f"postgresql+psycopg://crusoe@/crusoe?host={quote(str(self.socket_folder), safe='')}"

    @property
    def redis_url(self) -> str:
        """URL of the broker: `REDIS_URL`, else the socket of the embedded Valkey."""
        return self.external_redis_url or f"unix://{self.socket_folder}/valkey.sock"

    @property
    def broker_url(self) -> str:
        """The same broker in the spelling that Celery understands."""
        if self.redis_url.startswith("unix://"):
            return "redis+socket://" + self.redis_url.removeprefix("unix://")
        return self.redis_url

    @property
    def public_url(self) -> str:
        """The address that stands in mails, without a trailing slash."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def takes_returns(self) -> bool:
        """Whether mail to the return domain reaches us: only then may a mail say that writing there unsubscribes."""
        ways = self.returns_listen or self.returns_mailbox or self.returns_piped
        return bool(ways) or self.mode is Mode.DEVELOPMENT

    @property
    def transport_url(self) -> str:
        """Where mail goes when a sender names no transport of its own: the inbox of this home."""
        return self.smtp_url or f"smtp://127.0.0.1:{self.inbox_smtp_port}"

    @property
    def inbox_smtp_port(self) -> int:
        """The embedded inbox listens beside the web port, so that two homes never share one."""
        return self.inbox_port or (self.port + 1000 if self.port + 1000 <= LAST_PORT else self.port - 1000)


def named_secret(name: str) -> str:
    """The value of a variable that a file names, because it may not stand in the file; empty when there is none."""
    return os.environ.get(name, "")


@cache
def settings() -> Settings:
    """The settings of this process, read once. `settings.cache_clear()` reads them again."""
    return Settings()
