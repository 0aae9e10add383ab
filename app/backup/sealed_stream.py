"""Bytes of unknown length, encrypted as they come: read back whole and in order, or not at all.

A line that says what this is, a line with the locks, then pieces of one megabyte under AES-256-GCM. The number of a
piece and whether it is the last one are part of its nonce, so that none can be left out, moved or cut off unseen; the
first two lines are part of the key. Never more than a piece is in memory.
"""

import json
import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.backup.locks import KEY_BYTES, Lock
from core.errors import WrongInput
from core.sentences import say

MAGIC = b"crusoe backup 1\n"
PIECE = 1 << 20
LARGEST_PIECE = 1 << 24
TAG = 16
LONGEST_HEAD = 1 << 16


class SealedWriter:
    """Encrypts what is written to it into `file`. Nothing can be read back before `close`."""

    def __init__(self, file: BinaryIO, *, key: bytes, locks: Sequence[Lock], piece: int = PIECE) -> None:
        head = MAGIC + json.dumps({"piece": piece, "locks": list(locks)}).encode() + b"\n"
        file.write(head)
        self._file = file
        self._cipher = _cipher(key, head)
        self._waiting = bytearray()
        self._number = 0
        self._piece = piece

    def write(self, data: bytes) -> int:
        """Take bytes in."""
        self._waiting += data
        # The last piece must not be empty, so one piece's worth is always kept back.
        while len(self._waiting) > self._piece:
            self._put(bytes(self._waiting[: self._piece]), last=False)
            del self._waiting[: self._piece]
        return len(data)

    def close(self) -> None:
        """Write the last piece; the file underneath stays open."""
        self._put(bytes(self._waiting), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, None))
        self._number += 1


class SealedReader:
    """Reads what a `SealedWriter` wrote. `unlock` gets the locks of the file and answers its key."""

    def __init__(self, file: BinaryIO, *, unlock: Callable[[Sequence[Lock]], bytes]) -> None:
        head = file.read(len(MAGIC)) + file.readline(LONGEST_HEAD)
        self._file = file
        said = _said(head)
        self._cipher = _cipher(unlock(said["locks"]), head)
        self._size = said["piece"] + TAG
        self._next = file.read(self._size)
        if not self._next:
            raise damaged()
        self._number = 0
        self._ready = b""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; nothing at the end. Raises WrongInput where the file is not what was written."""
        while not self._ready and self._next:
            self._ready = self._open()
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def exactly(self, size: int) -> bytes:
        """So many bytes, or WrongInput."""
        found = bytearray()
        while len(found) < size:
            part = self.read(size - len(found))
            if not part:
                raise damaged()
            found += part
        return bytes(found)

    def _open(self) -> bytes:
        piece, self._next = self._next, self._file.read(self._size)
        try:
            opened = self._cipher.decrypt(_nonce(self._number, last=not self._next), piece, None)
        except InvalidTag:
            raise damaged() from None
        self._number += 1
        return opened


def new_key() -> bytes:
    """The key of one file."""
    return os.urandom(KEY_BYTES)


def damaged() -> WrongInput:
    """What is said of a file that is not whole."""
    return WrongInput(
        "backup_damaged",
        say("The backup is not as it was written: a part of it was changed or is missing."),
        say("Take another copy of it, or an older backup."),
    )


def _said(head: bytes) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(head.removeprefix(MAGIC))
        if head.startswith(MAGIC) and 0 < said["piece"] <= LARGEST_PIECE and isinstance(said["locks"], list):
            return said
    except (ValueError, KeyError, TypeError):
        pass
    raise WrongInput("no_backup", say("This file is no backup of Crusoe."), where="FILE")


def _cipher(key: bytes, head: bytes) -> AESGCM:
    salt = sha256(head).digest()
    return AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=b"crusoe backup content").derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
