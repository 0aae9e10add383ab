"""As long as a quarantine stands every page says so, in the language of whoever reads it."""

from sqlalchemy import text

from app.web import create_app
from core import quarantine
from core.db import transaction
from core.permissions import Role
from tests.browsing import signed_in


def test_every_page_says_that_the_installation_is_in_quarantine_and_what_to_do(database, home):
    app = create_app()
    clients = {locale: signed_in(app, role) for locale, role in (("en", Role.SALES), ("de", Role.COMPLIANCE))}
    with transaction() as session:
        session.execute(text("UPDATE user_account SET locale = 'de' WHERE role = 'compliance'"))
    words = {"en": "In quarantine since", "de": "In Quarantäne seit"}

    def page(locale, path="/"):
        return clients[locale].get(path).get_data(as_text=True)

    assert not any(words[locale] in page(locale) for locale in words)
    with transaction() as session:
        quarantine.begin(session, cause=quarantine.RESTORED, details={"backup_at": "2026-11-22T02:30:00+00:00"})
    for locale, said in words.items():
        for path in ("/", "/profile"):
            assert said in page(locale, path), (locale, path)
    assert "crusoe restore replay JOURNAL" in page("en")
    with transaction() as session:
        session.execute(text("UPDATE quarantine SET replayed_at = now()"))
    assert "crusoe restore release" in page("de")
