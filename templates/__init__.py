"""What a mail says: e-mail templates (the HTML of our own user interface is called pages).

In comes a wording that people wrote, in MJML or HTML with merge fields; out comes, once per campaign, a `Compiled`
form, and from it, once per recipient, a `Rendered` mail. What people write runs in a language cut down to what a mail needs
(see `templates.sandbox`), and every mail carries imprint, reason of receipt and a way out exactly once.
"""

from templates.compiled import Compiled, Rendered, Urls
from templates.render import render

__all__ = ["Compiled", "Rendered", "Urls", "render"]
