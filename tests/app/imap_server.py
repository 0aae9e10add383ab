"""A mailbox on the loopback that speaks as much IMAP (RFC 3501) as a program needs that reads unseen mail."""

import re
import socketserver
import threading
from types import TracebackType
from typing import Self


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        mails: dict[int, bytes] = self.server.mails
        seen: set[int] = self.server.seen
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, _, rest = line.decode().strip().partition(" ")
            verb = rest.upper()
            if verb.startswith("CAPABILITY"):
                self.wfile.write(b"* CAPABILITY IMAP4REV1\r\n")
            elif verb.startswith("LOGIN") and "right" not in rest:
                self.wfile.write(f"{tag} NO wrong\r\n".encode())
                continue
            elif verb.startswith("SELECT"):
                self.wfile.write(f"* {len(mails)} EXISTS\r\n".encode())
            elif verb.startswith("UID SEARCH"):
                found = " ".join(str(uid) for uid in mails if uid not in seen)
                self.wfile.write(f"* SEARCH {found}\r\n".encode())
            elif verb.startswith("UID FETCH"):
                raw = mails[int(rest.split()[2])]
                self.wfile.write(f"* 1 FETCH (UID {rest.split()[2]} BODY[]<0> {{{len(raw)}}}\r\n".encode())
                self.wfile.write(raw + b")\r\n")
            elif verb.startswith("UID STORE"):
                seen |= {int(uid) for uid in re.findall(r"\d+", rest.split()[2])}
            elif verb.startswith("LOGOUT"):
                self.wfile.write(f"* BYE\r\n{tag} OK\r\n".encode())
                return
            self.wfile.write(f"{tag} OK done\r\n".encode())


class Mailbox:
    """A mailbox with these mails, while the block runs."""

    def __init__(self, *mails: bytes) -> None:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Talk)
        self._server.daemon_threads = True
        self._server.mails = dict(enumerate(mails, 1))
        self._server.seen = set()

    @property
    def url(self) -> str:
        """Its address."""
        return f"imap://someone:right%21@127.0.0.1:{self._server.server_address[1]}/INBOX"

    @property
    def seen(self) -> set[int]:
        """The numbers of the mails that are marked as seen."""
        return set(self._server.seen)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
