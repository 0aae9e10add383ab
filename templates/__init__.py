"""What a mail says: e-mail templates (the HTML of our own user interface is called pages).

In comes a wording that people wrote, in MJML or HTML with merge fields; out comes, once per campaign, a `Compiled`
form, and from it, once per recipient, a `Rendered` mail. What people write runs in a language cut down to what a mail
needs (see `templates.sandbox`), and every mail carries imprint, reason of receipt and a way out exactly once.
A version that something rests on is never changed again.
"""

from templates.checks import Finding, Severity, kept_finding, recalled_finding
from templates.compile import Draft, compile_notice, compile_version
from templates.compiled import Compiled, Quoted, Rendered, Urls, asks_again
from templates.quoted import is_plain_base
from templates.render import as_quoted, render, render_quoted
from templates.service import check, fingerprint, freeze, latest, preview, save, validate
from templates.values import merge_values
from templates.vocabulary import Vocabulary, vocabulary

__all__ = [
    "Compiled",
    "Draft",
    "Finding",
    "Quoted",
    "Rendered",
    "Severity",
    "Urls",
    "Vocabulary",
    "as_quoted",
    "asks_again",
    "check",
    "compile_notice",
    "compile_version",
    "fingerprint",
    "freeze",
    "is_plain_base",
    "kept_finding",
    "latest",
    "merge_values",
    "preview",
    "recalled_finding",
    "render",
    "render_quoted",
    "save",
    "validate",
    "vocabulary",
]
