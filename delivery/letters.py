"""Making the mails of a batch: merge, sign the links that the recipient allows, compose. No database."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from operator import add
from typing import Any

from contacts.models import TrackingLevel
from core.errors import CrusoeError
from core.settings import settings
from delivery.compose import Draft, Letter, draft, seal
from delivery.dkim import sign_all
from delivery.recipients import Matter, Recipient
from delivery.return_path import opt_out_mailbox
from delivery.smtp import Mail
from suppression import Basis
from templates import Urls, is_plain_base, render_quoted
from tracking import Purpose, make_aggregate_token, make_id_token, make_message_token, make_message_tokens

_MUCH = {level: much for much, level in enumerate(TrackingLevel)}


def write(matter: Matter, recipient: Recipient, *, basis: str | None, at: datetime) -> Draft | str:
    """The draft for one recipient, or the reason why there can be none: one bad value does not stop a batch."""
    if recipient.address is None:
        return "there is no address any more"
    urls = addresses(matter, recipient, at=at)
    try:
        content = render_quoted(
            matter.compiled,
            values={
                "contact": {name: recipient.contact.get(name) for name in matter.compiled.fields},
                "basis": basis or Basis.OWN_REQUEST,
                **{name: _value(value) for name, value in recipient.values.items()},
            },
            urls=urls,
        )
        letter = Letter(
            message_id=recipient.message_id,
            recipient=recipient.address,
            content=content,
            unsubscribe_url=None if matter.is_answer else urls.unsubscribe,
            feedback_id=matter.feedback_id,
            unsubscribe_mailbox=_mailbox(matter, urls),
        )
        return draft(letter, sender=matter.sender, at=at)
    except CrusoeError as error:
        return _reason(error)


def finish(drafts: Sequence[Draft | str]) -> list[Mail | str]:
    """Sign all of these together; where there is a reason instead of a draft, it stays, and one more may be found."""
    signatures = iter(sign_all(one for made in drafts if isinstance(made, Draft) for one in made.unsigned))
    return [_sealed(one, signatures) if isinstance(one, Draft) else one for one in drafts]


def _sealed(made: Draft, signatures: Iterator[str]) -> Mail | str:
    own = list(islice(signatures, len(made.unsigned)))
    try:
        return seal(made, signatures=own)
    except CrusoeError as error:
        return _reason(error)


def _reason(error: CrusoeError) -> str:
    return f"{error.code}: {error.message}"


def _mailbox(matter: Matter, urls: Urls) -> str | None:
    """Where one may write to unsubscribe; absent where nobody reads that."""
    if matter.is_answer or not settings().takes_returns:
        return None
    return opt_out_mailbox(token=urls.unsubscribe.rpartition("/")[2], domain=matter.sender.return_domain)


def level(matter: Matter, recipient: Recipient) -> TrackingLevel:
    """How much may be counted: what the campaign wants, and never more than what the person allowed."""
    wanted, allowed = matter.tracking, recipient.tracking
    return wanted if wanted is allowed else min(wanted, allowed, key=_MUCH.__getitem__)


def addresses(matter: Matter, recipient: Recipient, *, at: datetime) -> Urls:
    """The links of one mail. Who allowed nothing gets the targets themselves and no pixel."""
    base = settings().public_url
    ids = {
        "run_id": matter.run_id,
        "message_id": recipient.message_id,
        "address_id": recipient.address_id,
        "sent_at": int(at.timestamp()),
    }
    counted = level(matter, recipient)
    uses = _counting(matter.links) if counted is TrackingLevel.INDIVIDUAL else _ALWAYS
    unsubscribe, preferences, why, *named = map(add, _paths(base, uses), make_message_tokens(uses, **ids))
    pixel, links = (named[0], named[1:]) if named else _unnamed(matter, base, counted)
    return Urls(
        links=links,
        unsubscribe=unsubscribe,
        preferences=preferences,
        why=why,
        pixel=pixel,
        renew=f"{base}/r/{make_message_token(Purpose.RENEW, **ids)}" if matter.asks_again else "",
        plain=bool(named) and is_plain_base(base),
    )


def _unnamed(matter: Matter, base: str, counted: TrackingLevel) -> tuple[str | None, Sequence[str]]:
    """The pixel and the links of a mail that nobody can be told by: the same for all, or none of ours."""
    if counted is TrackingLevel.NONE:
        return None, matter.compiled.links
    pixel = f"{base}/o/{make_aggregate_token(Purpose.OPEN, run_id=matter.run_id)}"
    return pixel, [
        f"{base}/c/{make_aggregate_token(Purpose.CLICK, run_id=matter.run_id, link_id=link)}" for link in matter.links
    ]


_ALWAYS = ((Purpose.UNSUBSCRIBE, 0), (Purpose.PREFERENCES, 0), (Purpose.WHY, 0))


@lru_cache(maxsize=32)
def _counting(links: tuple[int, ...]) -> tuple[tuple[Purpose, int], ...]:
    return (*_ALWAYS, (Purpose.OPEN, 0), *((Purpose.CLICK, link) for link in links))


@lru_cache(maxsize=32)
def _paths(base: str, uses: tuple[tuple[Purpose, int], ...]) -> list[str]:
    return [f"{base}/{purpose}/" for purpose, _ in uses]


def _value(value: Any) -> Any:
    """A value of a single answer; what names a path and a number becomes a signed address."""
    if isinstance(value, Mapping) and value.keys() == {"path", "sign"}:
        return f"{settings().public_url}{value['path']}{make_id_token(int(value['sign']))}"
    return value
