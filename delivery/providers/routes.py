"""The routes of a sender as the database has them, and what workers find out about them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.sealing import unseal
from delivery.pace.limits import Limit
from delivery.providers.known import provider
from delivery.providers.models import Transport
from delivery.providers.protocol import Account
from delivery.providers.way import HttpWay
from delivery.ways import Away, Route

SECRET = "transport"  # noqa: S105 - the purpose of a key, not the key
HOOK = "transport-hook"


def routes_of(session: Session, *, sender_id: int) -> tuple[Route, ...]:
    """The transports of a sender that are switched on."""
    rows = session.scalars(
        select(Transport).where(Transport.sender_id == sender_id, Transport.enabled).order_by(Transport.id)
    )
    return tuple(
        Route(
            kind=row.kind,
            url=row.url,
            id=row.id,
            code=row.code,
            settings=tuple(sorted(row.settings.items())),
            sealed=row.secret,
            position=row.position,
            weight=row.weight,
            was_away=row.away_since is not None,
            limit=Limit.model_validate(row.limits) if row.limits else None,
        )
        for row in rows
    )


def secret_of(route: Route) -> str:
    """The secret of a route, or nothing. Raises NotAllowed when it cannot be opened."""
    return unseal(route.sealed, purpose=SECRET) if route.sealed else ""


def http_way(route: Route) -> HttpWay:
    """The way to a provider."""
    found = provider(route.kind)
    return HttpWay(found, Account(route.url or found.url, dict(route.settings), secret_of(route)))


def note_away(session: Session, gone: Mapping[int, tuple[Away, timedelta]]) -> None:
    """Write down which transports take no mail just now, and when they are asked again."""
    for number, (away, rest) in gone.items():
        session.execute(
            text(
                "UPDATE transport SET away_since = coalesce(away_since, clock_timestamp()), away_text = :said,"
                " next_try_at = clock_timestamp() + :rest WHERE id = :id"
            ),
            {"id": number, "said": away.said, "rest": rest},
        )


def note_back(session: Session, numbers: Sequence[int]) -> None:
    """They take mail again."""
    session.execute(
        text("UPDATE transport SET away_since = NULL, away_text = NULL, next_try_at = NULL WHERE id = ANY (:ids)"),
        {"ids": list(numbers)},
    )
