"""Opaque signed tokens: what stands in the links of a mail instead of names, addresses or targets.

A token is base64url of `purpose byte + numbers + keyed BLAKE2b`. The letter of the purpose is also the path under which
the token is answered (`/c/<token>`), and it is signed with the rest, so a token made for counting never unsubscribes
anybody. Tokens carry every id that a hit needs, so that recording one takes no query. They do not expire: an opt-out
has to work years later.
"""

import struct
from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from core.keys import MAC_BYTES, keyed, keys, mac, verified


class Purpose(StrEnum):
    """What a message token may be used for; the value is the path, as in `/u/<token>`."""

    OPEN = "o"
    CLICK = "c"
    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    WHY = "w"
    RENEW = "r"


class MessageToken(NamedTuple):
    """One message to one address. `link_id` is 0 where no link is meant; `sent_at` is in seconds since 1970, UTC."""

    run_id: int
    message_id: int
    address_id: int
    link_id: int
    sent_at: int


class AggregateToken(NamedTuple):
    """A run, and a link unless it is 0: the same for all recipients, so nobody can be told from anybody."""

    run_id: int
    link_id: int


# The lengths, seal included, are multiples of three: no spare bits, so a token has exactly one spelling.
_MESSAGE = struct.Struct(">cIQQII")
_AGGREGATE = struct.Struct(">cII2x")
_NUMBER = struct.Struct(">cQ2x")

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")


_CHARACTERS = {layout: (layout.size + MAC_BYTES) // 3 * 4 for layout in (_MESSAGE, _AGGREGATE, _NUMBER)}

LONGEST = _CHARACTERS[_MESSAGE]

_LETTERS = {purpose: purpose.encode() for purpose in Purpose}


def make_message_token(
    purpose: Purpose, *, run_id: int, message_id: int, address_id: int, sent_at: int, link_id: int = 0
) -> str:
    """The token of one message for one purpose; 60 characters.

    >>> token = make_message_token(Purpose.CLICK, run_id=1, message_id=2, address_id=3, sent_at=1763719200, link_id=4)
    """
    ids = {"run_id": run_id, "message_id": message_id, "address_id": address_id, "sent_at": sent_at}
    return make_message_tokens([(purpose, link_id)], **ids)[0]


def make_message_tokens(
    uses: Sequence[tuple[Purpose, int]], *, run_id: int, message_id: int, address_id: int, sent_at: int
) -> list[str]:
    """All tokens of one message, for each of `uses` (purpose, link id or 0): a mail has a dozen of them.

    What they share is done once: the key is taken in already, and as no token has spare bits, one pass spells them all.
    """
    prepared, pack = keyed(keys().token), _MESSAGE.pack
    signed = bytearray()
    for purpose, link_id in uses:
        payload = pack(_LETTERS[purpose], run_id, message_id, address_id, link_id, sent_at)
        seal = prepared.copy()
        seal.update(payload)
        signed += payload
        signed += seal.digest()
    spelled = _spelled(signed)
    return [spelled[at : at + LONGEST] for at in range(0, len(spelled), LONGEST)]


def read_message_token(purpose: Purpose, token: str) -> MessageToken | None:
    """What `make_message_token` put in, or None when the token is not ours, or ours but for another purpose."""
    payload = _open(_MESSAGE, token)
    if payload is None or payload[:1] != _LETTERS[purpose]:
        return None
    return MessageToken._make(_MESSAGE.unpack(payload)[1:])


def make_aggregate_token(purpose: Purpose, *, run_id: int, link_id: int = 0) -> str:
    """The token for people who allow counting but not being recognised; 36 characters, open and click only."""
    return _sign(_AGGREGATE.pack(purpose.upper().encode(), run_id, link_id))


def read_aggregate_token(purpose: Purpose, token: str) -> AggregateToken | None:
    """What `make_aggregate_token` put in, or None."""
    payload = _open(_AGGREGATE, token)
    if payload is None or payload[:1] != purpose.upper().encode():
        return None
    return AggregateToken._make(_AGGREGATE.unpack(payload)[1:])


def read_hit_token(purpose: Purpose, token: str) -> MessageToken | AggregateToken | None:
    """Either kind of token, told apart by its length."""
    if len(token) == LONGEST:
        return read_message_token(purpose, token)
    return read_aggregate_token(purpose, token)


def make_id_token(number: int) -> str:
    """The token of a sign-up's confirmation link (`/k/<token>`); 36 characters. `number` is the request's id."""
    return _sign(_NUMBER.pack(b"k", number))


def read_id_token(token: str) -> int | None:
    """What `make_id_token` put in, or None."""
    payload = _open(_NUMBER, token)
    if payload is None or payload[:1] != b"k":
        return None
    return int(_NUMBER.unpack(payload)[1])


def _sign(payload: bytes) -> str:
    return _spelled(payload + mac(keys().token, payload))


def _spelled(signed: bytes | bytearray) -> str:
    return b2a_base64(signed, newline=False).translate(_TO_URL).decode("ascii")


def _open(layout: struct.Struct, token: str) -> bytes | None:
    if len(token) != _CHARACTERS[layout]:
        return None
    try:
        signed = a2b_base64(token.encode("ascii").translate(_FROM_URL), strict_mode=True)
    except (Error, UnicodeEncodeError):
        return None
    return verified(keys().token, signed)
