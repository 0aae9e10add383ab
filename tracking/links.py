"""Where the links of a run lead: stored when its mail is made, so that no address in a URL is ever followed."""

from collections.abc import Sequence
from urllib.parse import quote, urlsplit, urlunsplit

import idna
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.errors import WrongInput
from core.sentences import say
from tracking.models import Link

# Reserved and unreserved characters of RFC 3986, and the percent sign of what is encoded already.
_KEPT = "-._~:/?#[]@!$&'()*+,;=%"


def store_links(session: Session, run_id: int, targets: Sequence[str]) -> dict[int, int]:
    """Store the targets of a run, in the order of its mail, and answer position -> link id.

    Storing the same again changes nothing. Raises WrongInput when a target is no web address, or when the run already
    leads somewhere else: mails that are out keep their meaning.
    """
    wanted = dict(enumerate(map(web_address, targets)))
    if wanted:
        rows = [{"run_id": run_id, "position": position, "target": target} for position, target in wanted.items()]
        session.execute(insert(Link).on_conflict_do_nothing(), rows)
    stored = session.execute(select(Link.position, Link.id, Link.target).where(Link.run_id == run_id)).all()
    if {row.position: row.target for row in stored} != wanted:
        raise WrongInput(
            "links_frozen",
            say("The links of run %(run_id)s are stored already and differ.", run_id=run_id),
            say("Make a new run for new links."),
        )
    return {row.position: row.id for row in stored}


def targets_of_run(session: Session, run_id: int) -> dict[int, str]:
    """Link id -> target, for everything one run links to."""
    return {row.id: row.target for row in session.execute(select(Link.id, Link.target).where(Link.run_id == run_id))}


def link_counts(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Run id -> how many links its mail has."""
    query = select(Link.run_id, func.count().label("links")).where(Link.run_id.in_(run_ids)).group_by(Link.run_id)
    return {row.run_id: row.links for row in session.execute(query)}


def web_address(target: str) -> str:
    """The target as it may stand in a `Location` header: http or https, ASCII, nothing that ends a line.

    >>> web_address("https://müller.example/größe?a=1")
    'https://xn--mller-kva.example/gr%C3%B6%C3%9Fe?a=1'
    """
    complaint = WrongInput(
        "link_target_invalid",
        say("%(target)s is no web address.", target=repr(target[:200])),
        say("Write it out, like https://www.example.org/page."),
    )
    if not target.isprintable() or " " in target or "\\" in target:
        raise complaint
    try:
        parts = urlsplit(target)
        host = parts.hostname or ""
        host = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:  # idna's own errors are of this kind too
        raise complaint from error
    # A name and password before the host make one address look like another.
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        raise complaint
    place = f"[{host}]" if ":" in host else host
    rest = (quote(part, safe=_KEPT) for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, place + port, *rest))
