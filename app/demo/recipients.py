"""Made-up recipients: they open, click, unsubscribe and sign up over HTTP, as mail clients, people and scanners do."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import unescape
from time import sleep
from urllib.parse import urlsplit

import httpx2

from app.inbox_store import Mail, every
from core.errors import NotReachable
from core.sentences import say
from core.settings import settings

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel)"

_HREF = re.compile(r'(?:href|src)="([^"]+)"')
_NONCE = re.compile(r'name="([^"]+)"[^>]*\bvalue="([^"]*)"')


@dataclass(frozen=True)
class Received:
    """One mail in the inbox, with the addresses in it that matter."""

    recipient: str
    subject: str
    pixels: tuple[str, ...]
    clicks: tuple[str, ...]
    confirmations: tuple[str, ...]
    one_click: str | None


def received(*, sender: str) -> list[Received]:
    """The mails from this address, oldest first."""
    return [_read(mail) for mail in every() if sender in mail.entry.sender]


def _read(mail: Mail) -> Received:
    links = [unescape(link) for link in _HREF.findall(mail.html or "")]
    unsubscribe = re.search(r"<(https?://[^>]+)>", mail.header("List-Unsubscribe") or "")
    return Received(
        recipient=mail.entry.recipients,
        subject=mail.entry.subject,
        pixels=_under(links, "/o/"),
        clicks=_under(links, "/c/"),
        confirmations=_under(links, "/k/"),
        one_click=unsubscribe.group(1) if unsubscribe else None,
    )


def _under(links: Iterable[str], prefix: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(link for link in links if urlsplit(link).path.startswith(prefix)))


class Visitor:
    """One browser, mail client or scanner."""

    def __init__(self, *, user_agent: str = PERSON) -> None:
        self.client = httpx2.Client(
            headers={"User-Agent": user_agent}, follow_redirects=False, timeout=20, base_url=settings().public_url
        )

    def open(self, mail: Received) -> None:
        """Show the pictures of a mail."""
        for pixel in mail.pixels:
            self._expect(self.client.get(pixel), 200)

    def click(self, mail: Received, *, position: int = 0) -> None:
        """Follow one link as far as our server sends us; the target itself is not asked."""
        self._expect(self.client.get(mail.clicks[position]), 302, 303)

    def scan(self, mail: Received) -> None:
        """Fetch the pictures and every link at once, as security gateways do; also the unsubscribe link."""
        self.open(mail)
        for link in mail.clicks:
            self.client.head(link)
            self._expect(self.client.get(link), 302, 303)
        if mail.one_click:
            self._expect(self.client.get(mail.one_click), 200)

    def unsubscribe(self, mail: Received) -> None:
        """Press the button that the mail program shows (RFC 8058)."""
        if mail.one_click is None:
            raise NotReachable(
                "demo", say("The mail to %(recipient)s has no one-click address.", recipient=mail.recipient)
            )
        self._expect(self.client.post(mail.one_click, data={"List-Unsubscribe": "One-Click"}), 200, 202)

    def sign_up(self, *, form: str, addresses: Sequence[str]) -> None:
        """Fill in the public form like people, each in a tab: look at the page, then send all its hidden fields."""
        filled = []
        for address in addresses:
            shown = self.client.get(f"/s/{form}")
            self._expect(shown, 200)
            filled.append(dict(_NONCE.findall(shown.text)) | {"email": address, "consent": "yes"})
        self.pause()
        for fields in filled:
            self._expect(self.client.post(f"/s/{form}", data=fields), 200, 302, 303)

    def confirm(self, mail: Received) -> None:
        """Open the page of the confirmation link, and press its button."""
        for link in mail.confirmations[:1]:
            shown = self.client.get(link)
            self._expect(shown, 200)
            self._expect(self.client.post(link, data=dict(_NONCE.findall(shown.text))), 200, 302, 303)

    @staticmethod
    def pause() -> None:
        """People need a moment to fill in a form; robots that do not are turned away."""
        sleep(4)

    @staticmethod
    def _expect(response: httpx2.Response, *codes: int) -> None:
        if response.status_code not in codes:
            raise NotReachable(
                "demo",
                say(
                    "%(method)s %(path)s… answered %(status_code)s instead of %(codes)s.",
                    method=response.request.method,
                    path=urlsplit(str(response.request.url)).path[:12],
                    status_code=response.status_code,
                    codes=codes[0],
                ),
            )
