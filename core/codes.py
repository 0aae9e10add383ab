"""Codes: the short names under which people and files refer to templates, campaigns and the like."""

import re

from core.errors import WrongInput
from core.sentences import say

# Addresses of pages: /templates/new is the form.
RESERVED = frozenset({"new", "builder", "preview"})

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def require_code(code: str) -> None:
    """Refuse what cannot stand in addresses and files."""
    if not _CODE.fullmatch(code) or code in RESERVED:
        raise WrongInput(
            "code_invalid",
            say("%(code)s is no code: small letters, digits, hyphens and underscores only.", code=repr(code[:60])),
            say("For example: autumn-savings"),
            where="code",
        )
