"""Sentences in the language of somebody who is not asking just now, such as the reader of a mail."""

from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal

from core.sentences import Count, Sentence, Share

# The one catalogue that pages are translated by, too.
CATALOGUES = Path(__file__).parents[1] / "app" / "translations"


def told_in(value: Any, *, locale: str) -> str:
    """A sentence in this language, its values too; in English where the catalogue has no such words."""
    if isinstance(value, Count):
        return str(format_decimal(int(value), locale=locale))
    if isinstance(value, Share):
        return f"{decimal(value, locale=locale)} %"
    if not isinstance(value, Sentence):
        return str(value)
    words = _catalogue(locale).gettext(value.words)
    return words % {name: told_in(one, locale=locale) for name, one in value.values.items()} if value.values else words


def decimal(share: Share, *, locale: str) -> str:
    """The number of a share as people of this language write it."""
    places = "0" * len(share.written.partition(".")[2])
    return str(format_decimal(float(share.written), format=f"#,##0.{places}" if places else "#,##0", locale=locale))


@cache
def _catalogue(locale: str) -> NullTranslations:
    return translation("messages", CATALOGUES, [locale], fallback=True)
