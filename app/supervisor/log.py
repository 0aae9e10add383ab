"""One log of all processes: each line with its time and the name of the process, rotated by size."""

import logging
import subprocess
import sys
import threading
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from time import gmtime
from typing import IO

LARGEST_BYTES = 10_000_000
KEPT = 5
LAST_WORDS = 20


class MergedLog:
    """Takes the output of every child, line by line, and remembers the last words of each."""

    def __init__(self, path: Path, *, echo: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self.last_words: dict[str, deque[str]] = {}
        handlers: list[logging.Handler] = [
            RotatingFileHandler(path, maxBytes=LARGEST_BYTES, backupCount=KEPT, encoding="utf-8")
        ]
        if echo:
            handlers.append(logging.StreamHandler(sys.stderr))
        formatter = logging.Formatter("%(asctime)s %(name)-10s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        formatter.converter = gmtime
        for handler in handlers:
            handler.setFormatter(formatter)
        self._handlers = handlers

    def follow(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Copy what a child prints until it ends, in a thread of its own."""
        if process.stdout is not None:
            threading.Thread(target=self._copy, args=(name, process.stdout), daemon=True, name=f"log-{name}").start()

    def note(self, name: str, message: str) -> None:
        """Write one line of the supervisor's own."""
        self._write(name, message)

    def _copy(self, name: str, output: IO[bytes]) -> None:
        words = self.last_words.setdefault(name, deque(maxlen=LAST_WORDS))
        with output:
            for line in output:
                text = line.decode("utf-8", "replace").rstrip()
                if text:
                    words.append(text)
                    self._write(name, text)

    def _write(self, name: str, text: str) -> None:
        record = logging.LogRecord(name, logging.INFO, "", 0, text, None, None)
        for handler in self._handlers:
            handler.handle(record)
