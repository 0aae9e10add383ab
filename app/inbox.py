"""The inbox of a home: takes every mail and sends none on, so that a demo or a trial can reach nobody.

Each accepted mail becomes one file in `CRUSOE_HOME/inbox`, with the envelope in front as a final delivery notes it
(Return-Path, Delivered-To: RFC 5321, section 4.4). The oldest are dropped when the folder is full.
"""

import asyncio
import time
from collections import deque
from pathlib import Path

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.inbox_store import folder
from app.supervisor.asked_to_end import asked_to_end
from core.log import to_standard_error
from core.settings import settings

log = structlog.get_logger()

MOST_MAILS = 100_000
MOST_BYTES = 2_000_000_000
LARGEST_MAIL = 25_000_000


class Folder:
    """Keeps mails as files, in the order of their arrival, up to a number and a size."""

    def __init__(self, path: Path, *, most_mails: int = MOST_MAILS, most_bytes: int = MOST_BYTES) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self.most_mails = most_mails
        self.most_bytes = most_bytes
        found = sorted(path.glob("*.eml"))
        self._kept = deque((file, file.stat().st_size) for file in found)
        self._bytes = sum(size for _, size in self._kept)
        self._count = 0

    def keep(self, content: bytes) -> Path:
        """Write one mail; it appears whole or not at all."""
        self._count += 1
        name = f"{time.time_ns():020d}-{self._count % 1_000_000:06d}"
        unfinished, finished = self.path / f".{name}", self.path / f"{name}.eml"
        unfinished.write_bytes(content)
        unfinished.rename(finished)
        self._kept.append((finished, len(content)))
        self._bytes += len(content)
        self._drop_oldest()
        return finished

    def _drop_oldest(self) -> None:
        while len(self._kept) > self.most_mails or self._bytes > self.most_bytes:
            file, size = self._kept.popleft()
            self._bytes -= size
            file.unlink(missing_ok=True)


class Handler:
    """What the SMTP server asks: here every recipient is welcome."""

    def __init__(self, kept: Folder) -> None:
        self.kept = kept

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keep the mail, or ask to try again when it cannot be written."""
        content = envelope.content or b""
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogateescape")
        lines = [f"Return-Path: <{envelope.mail_from}>", *(f"Delivered-To: {to}" for to in envelope.rcpt_tos)]
        try:
            self.kept.keep("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n" + content)
        except OSError as error:
            log.warning("mail_not_kept", error=str(error))
            return "452 4.3.1 Cannot store the mail now"
        return "250 2.0.0 Kept"


async def serve(*, port: int, kept: Folder, stopping: asyncio.Event) -> None:
    """Take mail on the loopback address until told to stop."""
    loop = asyncio.get_running_loop()
    handler = Handler(kept)
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="inbox.crusoe.example", data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True),
        "127.0.0.1",
        port,
    )
    async with server:
        await stopping.wait()


async def main() -> None:
    """Run until told to stop."""
    to_standard_error()
    await serve(port=settings().inbox_smtp_port, kept=Folder(folder()), stopping=asked_to_end())


if __name__ == "__main__":
    asyncio.run(main())
