"""`crusoe decide`: ask the gate without sending anything."""

from datetime import datetime
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Channel, Controller
from core import clock
from core.cli import command
from core.db import transaction
from core.errors import NotFound, WrongInput
from core.sentences import say
from segments import audience
from suppression import Question, assess, counts, current, decide_address, version


def register(root: click.Group) -> None:
    """Add this command to `crusoe`."""

    @command(root, "decide")
    @click.option("--segment", default=None, metavar="S", help="Decide about everybody in this segment.")
    @click.option("--address", default=None, metavar="A", help="Decide about one address.")
    @click.option("--channel", default="email", show_default=True)
    @click.option("--purpose", default="newsletter", show_default=True)
    @click.option("--topic", default=None, metavar="T", help="What it is about; who switched that off is blocked.")
    @click.option("--controller", default="default", show_default=True)
    @click.option("--as-of", default=None, metavar="T", help="Answer as it was known at this time, as ISO 8601.")
    @click.option("--rules", "number", type=int, default=None, metavar="V", help="By this version of the rules.")
    def decide(
        segment: str | None, address: str | None, controller: str, as_of: str | None, number: int | None, **asked: Any
    ) -> dict[str, Any]:
        """Who may be written to, who not, and why; now, or then. Nothing is stored and nothing is sent."""
        if (segment is None) == (address is None):
            raise WrongInput("one_of_two", say("Give either --segment or --address."))
        known_by = past_moment(as_of) if as_of else None
        with transaction() as session:
            question = Question(controller_id=_controller(session, controller), **asked)
            rules = version(session, number) if number is not None else current(session, as_of=known_by)
            if address is not None:
                answer = decide_address(session, address=address, question=question, rules=rules, known_by=known_by)
            else:
                answer = counts(
                    assess(
                        session,
                        audience=audience(session, str(segment), channel=_channel(asked["channel"])),
                        question=question,
                        as_of=known_by,
                        rules=rules,
                        known_by=known_by,
                    )
                ) | {"rules_version": rules.version}
            # Asking looks new addresses up in the lists and notes the hits; that is left to those who send.
            session.rollback()
        return answer


def _channel(name: str) -> Channel:
    if name not in set(Channel):
        known = ", ".join(Channel)
        raise WrongInput("channel_unknown", say("There is no channel %(name)s.", name=repr(name[:60])), known)
    return Channel(name)


def _controller(session: Session, code: str) -> int:
    found = session.scalar(select(Controller.id).where(Controller.code == code))
    if found is None:
        raise NotFound("controller_unknown", say("There is no controller %(code)s.", code=repr(code)))
    return found


def past_moment(written: str) -> datetime:
    """A time that is over: of the future nobody knows anything."""
    found = clock.read(written)
    if found > clock.now():
        raise WrongInput(
            "time_not_over", say("%(time)s lies in the future.", time=found.isoformat()), say("Correct the date.")
        )
    return found
