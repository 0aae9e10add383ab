"""Postfix's own load generator and its sink: the yardstick of everything that is sent."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from bench.mailing import BYTES

SESSIONS = 8
MISSING = "Postfix's smtp-source and smtp-sink are not installed (Debian: apt install postfix)"


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink and where it writes its count."""

    port: int
    output: Path

    @property
    def url(self) -> str:
        """Where workers find it."""
        return f"smtp://127.0.0.1:{self.port}"

    def count(self) -> int:
        """How many messages it took since it started."""
        found = re.findall(rb"mesg=(\d+)", self.output.read_bytes())
        return int(found[-1]) if found else 0


def tool(name: str) -> str | None:
    """Where a program of Postfix is; Debian keeps them where ordinary users do not look."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def yardstick(source: str, sink: str, many: int) -> float:
    """Mails a second from one tool to the other."""
    with listening(sink) as found:
        return load(source, found.port, many)


def load(source: str, port: int, many: int) -> float:
    """Mails a second from smtp-source to whoever listens at a port."""
    options = ["-d", "-s", str(SESSIONS), "-m", str(many), "-l", str(BYTES)]
    between = ["-f", "news@bench.example", "-t", "reader@domain.example"]
    begun = perf_counter()
    subprocess.run([source, *options, *between, f"127.0.0.1:{port}"], check=True)
    return many / (perf_counter() - begun)


@contextmanager
def listening(sink: str) -> Iterator[Sink]:
    """A sink on a free port of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with tempfile.NamedTemporaryFile(prefix="crusoe-sink-") as output:
        process = subprocess.Popen([sink, "-c", *user, f"127.0.0.1:{port}", "1000"], stdout=output, stderr=output)
        try:
            wait_for_port(port)
            yield Sink(port=port, output=Path(output.name))
        finally:
            process.kill()
            process.wait()


def wait_for_port(port: int) -> None:
    """Until somebody listens there, at most five seconds."""
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")
