"""A Postfix of our own on the loopback, which takes mail as a relay does (queue file, fsync, answer) and drops it.

Or it sends on what it took to a `next_hop` on the loopback, and returns what that refuses to a domain by LMTP.
"""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import chown
from time import monotonic, sleep

from bench.smtp_tools import tool, wait_for_port

# Onwards to one server, and the reports of the return domain to another; no name is looked up for either.
_ONWARDS = """
default_transport = smtp:[127.0.0.1]:{next_hop}
relay_transport = $default_transport
relay_domains = {return_domain}
transport_maps = inline:{{ {{ {return_domain} = lmtp:inet:127.0.0.1:{returns} }} }}
smtp_dns_support_level = disabled
smtp_tls_security_level = none
notify_classes =
bounce_size_limit = 50000
"""

NEEDS_ROOT = "a Postfix of its own needs root and Debian's package postfix"

DRAINS_WITHIN = 120.0

# Everything is accepted from the loopback and handed to `discard`; nothing is looked up and nothing leaves the machine.
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/mail
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.bench.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
default_transport = discard
relay_transport = discard
alias_maps =
"""

_MASTER = """
127.0.0.1:{port} inet n - n - 100 smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
discard unix - - n - - discard
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Relay:
    """A running Postfix."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where workers find it."""
        return f"smtp://127.0.0.1:{self.port}"

    def count(self) -> int:
        """How many mails it took: one line for each that entered its queue; the service warns in the same log."""
        return self._lines(b": message-id=")

    def rest(self) -> None:
        """Wait until it dropped everything that it took, so that nothing of one round costs the next one time."""
        until = monotonic() + DRAINS_WITHIN
        while self._lines(b": removed\n") < self.count():
            if monotonic() > until:
                raise TimeoutError(f"Postfix still has mail in its queue after {DRAINS_WITHIN:.0f} s: {self.log}")
            sleep(0.2)

    def _lines(self, sign: bytes) -> int:
        return self.log.read_bytes().count(sign) if self.log.exists() else 0


@contextmanager
def relay(onwards: dict[str, object] | None = None) -> Iterator[Relay | None]:
    """A Postfix that nobody else uses; None where it cannot be had.

    `onwards`: `next_hop` and `returns` (ports) and `return_domain`, when it is to send on what it takes.
    """
    program = tool("postfix")
    if program is None or os.geteuid() != 0:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="crusoe-postfix-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        port = _lay_out(folder, onwards)
        control = [program, "-c", str(folder / "conf")]
        subprocess.run([*control, "start"], check=True, capture_output=True)
        try:
            wait_for_port(port)
            yield Relay(port=port, log=folder / "log" / "mail")
        finally:
            subprocess.run([*control, "abort"], check=False, capture_output=True)


def _lay_out(folder: Path, onwards: dict[str, object] | None) -> int:
    folder.chmod(0o755)
    for name in ("conf", "queue", "data", "log"):
        (folder / name).mkdir()
    chown(folder / "data", "postfix")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    main = _MAIN.format(folder=folder) + (_ONWARDS.format(**onwards) if onwards else "")
    (folder / "conf" / "main.cf").write_text(main)
    (folder / "conf" / "master.cf").write_text(_MASTER.format(port=port))
    return port
