"""All providers, by the name under which a transport and its webhook know them."""

from core.errors import NotFound
from core.sentences import say
from delivery.providers.brevo import BREVO
from delivery.providers.mailgun import MAILGUN
from delivery.providers.mailjet import MAILJET
from delivery.providers.postal import POSTAL
from delivery.providers.postmark import POSTMARK
from delivery.providers.protocol import Provider
from delivery.providers.sendgrid import SENDGRID
from delivery.providers.ses import SES

PROVIDERS: dict[str, Provider] = {
    each.name: each for each in (BREVO, MAILGUN, MAILJET, POSTAL, POSTMARK, SENDGRID, SES)
}
SMTP = "smtp"


def provider(name: str) -> Provider:
    """The provider of this name. Raises NotFound."""
    found = PROVIDERS.get(name)
    if found is None:
        raise NotFound("provider_unknown", say("There is no provider %(name)s.", name=repr(name)))
    return found
