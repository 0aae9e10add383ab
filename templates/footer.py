"""What must stand below every mail: who writes, why, and how to stop it. In German and English."""

from dataclasses import dataclass
from html import escape

from templates.source import literal

_STYLE = (
    "margin:0 auto;max-width:600px;padding:24px;font-family:Arial,Helvetica,sans-serif;font-size:12px;line-height:18px;"
    "color:#555555;text-align:center;display:block !important;visibility:visible !important"
)
_LINK = "color:#555555;text-decoration:underline"


@dataclass(frozen=True)
class Words:
    """The footer in one language; `{name}` is who is responsible."""

    consent: str
    customer: str
    other: str
    unsubscribe: str
    preferences: str
    why: str
    privacy: str


WORDS = {
    "de": Words(
        consent="Sie erhalten diese E-Mail, weil Sie dem Empfang bei {name} zugestimmt haben."
        " Sie können Ihre Zustimmung jederzeit widerrufen.",
        customer="Sie erhalten diese E-Mail, weil Sie bei {name} gekauft haben und wir Sie über Ähnliches informieren."
        " Sie können der Verwendung Ihrer Adresse dafür jederzeit widersprechen, ohne dass dafür andere Kosten als die"
        " Übermittlungskosten nach den Basistarifen entstehen.",
        other="Sie erhalten diese E-Mail von {name}. Warum, steht unter dem dritten Link.",
        unsubscribe="Abmelden",
        preferences="Einstellungen",
        why="Warum habe ich das bekommen?",
        privacy="Datenschutz",
    ),
    "en": Words(
        consent="You receive this e-mail because you agreed to it with {name}. You can withdraw your consent at any"
        " time.",
        customer="You receive this e-mail because you bought from {name} and we tell you about similar things. You can"
        " object to this use of your address at any time, at no cost beyond that of transmission at the basic rates.",
        other="You receive this e-mail from {name}. The third link says why.",
        unsubscribe="Unsubscribe",
        preferences="Preferences",
        why="Why did I get this?",
        privacy="Privacy",
    ),
}


@dataclass(frozen=True)
class Footer:
    """The footer of one controller in one language, as template source for each part of a mail."""

    name: str
    imprint: str
    privacy_url: str | None
    locale: str
    unsubscribable: bool

    def html(self) -> str:
        """For the HTML part."""
        imprint = "<br>".join(_plain(line, html=True) for line in self.imprint.strip().splitlines())
        lines = [f'<p style="margin:0 0 12px">{imprint}</p>']
        if self.unsubscribable:
            lines.insert(0, f'<p style="margin:0 0 12px">{self._reason(html=True)}</p>')
        links = " &middot; ".join(
            f'<a href="{url}" style="{_LINK}">{escape(label)}</a>' for label, url in self._links()
        )
        lines += [f'<p style="margin:0">{links}</p>'] if links else []
        return f'<div role="contentinfo" style="{_STYLE}">{"".join(lines)}</div>'

    def text(self) -> str:
        """For the text part; the two hyphens and a space are the old sign for what follows the message."""
        imprint = "\n".join(_plain(line, html=False) for line in self.imprint.strip().splitlines())
        blocks = [self._reason(html=False)] if self.unsubscribable else []
        blocks.append("\n".join(f"{label}: {url}" for label, url in self._links()))
        return "\n-- \n" + "\n\n".join(block for block in [*blocks, imprint] if block) + "\n"

    @property
    def _words(self) -> Words:
        return WORDS.get(self.locale[:2], WORDS["en"])

    def _links(self) -> list[tuple[str, str]]:
        words = self._words
        links = [
            (words.unsubscribe, "{{ unsubscribe_url }}"),
            (words.preferences, "{{ preferences_url }}"),
            (words.why, "{{ why_url }}"),
        ]
        privacy = [(words.privacy, _plain(self.privacy_url, html=True))] if self.privacy_url else []
        return (links if self.unsubscribable else []) + privacy

    def _reason(self, *, html: bool) -> str:
        """The reason depends on the basis that the gate found for this recipient."""
        words = self._words
        consent, customer, other = (
            _plain(sentence.format(name=self.name), html=html)
            for sentence in (words.consent, words.customer, words.other)
        )
        return (
            f"{{% if basis == 'consent' %}}{consent}{{% elif basis == 'existing_customer' %}}{customer}"
            f"{{% else %}}{other}{{% endif %}}"
        )


def _plain(text: str, *, html: bool) -> str:
    return literal(escape(text) if html else text)
