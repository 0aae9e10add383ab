"""Keys that sign mail: drawn here, sealed in the database, published by people, followed by new ones.

In: a domain. Out: the signers of its mails, and the records to publish. A key is drawn, published, activated, and
retired seven days after another one followed it, so that every mail can be checked as long as it may be on its way.
"""

from delivery.signing.keys import (
    KEPT,
    KeyView,
    activate_key,
    draw_key,
    keys_of,
    retire_key,
    signing_key,
)
from delivery.signing.public import PublicKey, public_value
from delivery.signing.signers import signers_of
from delivery.signing.speed import SigningSpeed, signing_speed
from delivery.signing.states import KeyState

__all__ = [
    "KEPT",
    "KeyState",
    "KeyView",
    "PublicKey",
    "SigningSpeed",
    "activate_key",
    "draw_key",
    "keys_of",
    "public_value",
    "retire_key",
    "signers_of",
    "signing_key",
    "signing_speed",
]
