"""Stands between a worker and PostgreSQL, and cuts connections: at any moment, and right after a COMMIT went out."""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random


@dataclass
class Proxy:
    """Listens on the loopback. `after_commit`: the part of commits whose answer nobody gets to hear."""

    server: Path
    random: Random
    after_commit: float = 0.0
    cut_commits: int = 0
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> int:
        """Close every connection now; answers how many ends there were."""
        with self._lock:
            ends = list(self._open)
        for end in ends:
            _close(end)
        return len(ends)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self.server))
            except OSError:
                _close(client)
                continue
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        try:
            while data := source.recv(65536):
                cut = asks and b"COMMIT" in data and self.random.random() < self.after_commit
                if cut:
                    # Nothing of the answer may get through, and the server shall still read the question.
                    _close(source)
                target.sendall(data)
                if cut:
                    self.cut_commits += 1
                    break
        except OSError:
            pass
        finally:
            _close(source)
            # The server reads to the end what was sent before.
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)
            with self._lock:
                self._open.discard(source)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
