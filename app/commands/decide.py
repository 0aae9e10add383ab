"""`crusoe decide`: ask the gate without sending anything."""

from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from contacts.models import Controller
from core.cli import command
from core.db import transaction
from core.errors import NotFound, WrongInput
from core.sentences import say
from segments import audience
from suppression import Question, assess, counts, decide_address


def register(root: click.Group) -> None:
    """Add this command to `crusoe`."""

    @command(root, "decide")
    @click.option("--segment", default=None, metavar="S", help="Decide about everybody in this segment.")
    @click.option("--address", default=None, metavar="A", help="Decide about one address.")
    @click.option("--channel", default="email", show_default=True)
    @click.option("--purpose", default="newsletter", show_default=True)
    @click.option("--topic", default=None, metavar="T", help="What it is about; who switched that off is blocked.")
    @click.option("--controller", default="default", show_default=True)
    def decide(segment: str | None, address: str | None, controller: str, **asked: Any) -> dict[str, Any]:
        """Who may be written to now, who not, and why. Nothing is stored and nothing is sent."""
        if (segment is None) == (address is None):
            raise WrongInput("one_of_two", say("Give either --segment or --address."))
        with transaction() as session:
            controller_id = _controller(session, controller)
            question = Question(controller_id=controller_id, **asked)
            if address is not None:
                answer = decide_address(session, address=address, question=question)
            else:
                answer = counts(assess(session, audience=audience(session, str(segment)), question=question))
            # Asking looks new addresses up in the lists and notes the hits; that is left to those who send.
            session.rollback()
        return answer


def _controller(session: Session, code: str) -> int:
    found = session.scalar(select(Controller.id).where(Controller.code == code))
    if found is None:
        raise NotFound("controller_unknown", say("There is no controller %(code)s.", code=repr(code)))
    return found
