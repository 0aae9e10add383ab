"""A company for the fault tests: who may be written to is known beforehand, person by person."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

AUTHOR, RELEASER, EDITOR = "author@company.example", "releaser@company.example", "editor@company.example"

CONFIGURATION = f"""
controllers:
  - {{code: default, name: Company, country: DE, imprint: "Company, Street 1, 00000 Town",
      privacy_url: "https://www.company.example/privacy"}}
consent_texts:
  - {{version: v1, locale: en, text: Please send me the newsletter.}}
senders:
  - code: news
    from_name: Company
    from_address: news@company.example
    reply_to: hello@company.example
    # So many object and so much ends in doubt here that the brake would rightly stop it.
    limits: {{brake: {{hard_bounces: 100, list_hits: 100, policy: 100, unknown: 100}}}}
segments:
  - {{code: everyone, name: Everyone, definition: {{all: []}}}}
templates:
  - code: letter
    name: Letter
    locale: en
    subject: News of the company
    preheader: What is new.
    body: |
      <mjml><mj-body><mj-section><mj-column>
      <mj-text>Hello, there is <a href="https://www.company.example/news">news</a>.</mj-text>
      </mj-column></mj-section></mj-body></mjml>
campaigns:
  - {{code: letter, name: Letter, segment: everyone, template: letter, sender: news, author: {AUTHOR}}}
"""


@dataclass(frozen=True)
class Company:
    """`cleared` may be written to; `refused` objected long ago or never agreed."""

    cleared: frozenset[str]
    refused: frozenset[str]


def write(folder: Path, *, people: int, country: str = "DE") -> Company:
    """Write configuration and files to import; of ten people one objected and one never agreed."""
    folder.mkdir()
    (folder / "company.yaml").write_text(CONFIGURATION)
    asked = datetime.now(UTC) - timedelta(days=30)
    emails = [f"reader{number}@mail{number % 7}.example" for number in range(people)]
    objected, strangers = set(emails[::10]), set(emails[5::10])
    _csv(folder / "contacts.csv", ["number", "email", "country"], [[f"N{n}", e, country] for n, e in enumerate(emails)])
    _csv(
        folder / "consents.csv",
        [
            "email", "channel", "purpose", "basis", "text_version", "requested_at", "request_ip", "confirmed_at",
            "confirm_ip", "source",
        ],
        [
            [
                email, "email", "newsletter", "double_opt_in", "v1", asked.isoformat(), "198.51.100.1",
                (asked + timedelta(minutes=5)).isoformat(), "198.51.100.1", "website form",
            ]
            for email in emails if email not in strangers
        ],
    )  # fmt: skip
    later = (asked + timedelta(days=5)).isoformat()
    _csv(
        folder / "optouts.csv",
        ["email", "channel", "purpose", "at", "reason"],
        [[email, "email", "newsletter", later, "unsubscribe link"] for email in sorted(objected)],
    )
    refused = objected | strangers
    return Company(cleared=frozenset(set(emails) - refused), refused=frozenset(refused))


def _csv(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
