"""Takes mail for the return domain by LMTP or SMTP: for a mail server beside it, or for the world behind a firewall.

It answers `250` only after the mail is stored, and `451` when that is not possible just now: then the other side keeps
it and comes again. It sends nothing, ever.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.returns.dispatch import take
from app.supervisor.asked_to_end import asked_to_end
from app.supervisor.readiness import say_ready
from core.errors import CrusoeError, WrongInput
from core.log import to_standard_error
from core.sentences import say
from core.settings import settings
from delivery.models import Way

log = structlog.get_logger()

# Larger mails are refused at once; nothing that reports on a mail is nearly as large.
LARGEST = 5 * 1024 * 1024
MOST_RECIPIENTS = 20
# Mails wait for the database and for what is on its way; they are read one after the other.
THREADS = 4
QUIET_SECONDS = 60

KINDS: dict[str, type[SMTP]] = {"lmtp": LMTP, "smtp": SMTP}


class Handler:
    """What the server asks. Every recipient is welcome: what is about no message of ours has no effect."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take the recipient down, up to a number."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Welcome"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the mail in. LMTP wants an answer for each recipient (RFC 2033, section 4.2)."""
        raw = envelope.content or b""
        content = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else raw
        answer = await asyncio.get_running_loop().run_in_executor(self.pool, _taken, content, list(envelope.rcpt_tos))
        return "\r\n".join([answer] * (len(envelope.rcpt_tos) if isinstance(server, LMTP) else 1))


def _taken(content: bytes, recipients: list[str]) -> str:
    try:
        take(content, way=Way.RECEIVER, envelope=recipients)
    except CrusoeError as error:
        log.warning("mail_not_taken", code=error.code, error=str(error))
        return "451 4.3.0 Not now"
    except Exception:
        # Whatever it is: the other side keeps the mail, the next one is taken, and the log has the whole of it.
        log.exception("mail_not_taken")
        return "451 4.3.0 Not now"
    return "250 2.0.0 Taken"


def where(url: str) -> tuple[type[SMTP], str, int]:
    """The protocol, host and port of an address such as `lmtp://127.0.0.1:2424`."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in KINDS or not parts.hostname or port is None:
        raise WrongInput(
            "returns_listen",
            say("Returned mail is taken in at an address like lmtp://127.0.0.1:2424 or smtp://127.0.0.1:2525."),
            where="CRUSOE_RETURNS_LISTEN",
        )
    return KINDS[parts.scheme], parts.hostname, port


async def serve(url: str, *, stopping: asyncio.Event, started: Any = None) -> None:
    """Take mail there until told to stop."""
    kind, host, port = where(url)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="returns") as pool:
        handler = Handler(pool)

        def protocol() -> SMTP:
            return kind(
                handler, hostname="crusoe", data_size_limit=LARGEST, enable_SMTPUTF8=True, timeout=QUIET_SECONDS
            )

        server = await asyncio.get_running_loop().create_server(protocol, host, port)
        async with server:
            if started:
                started(server.sockets[0].getsockname()[1])
            say_ready()
            await stopping.wait()


async def main(url: str) -> None:
    """Run until told to stop."""
    to_standard_error()
    await serve(url, stopping=asked_to_end())


if __name__ == "__main__":
    asyncio.run(main(settings().returns_listen or ""))
